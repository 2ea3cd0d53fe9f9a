@needs-json-schema
Feature: A file is the old one or the new one
  A workflow that fails at the disk leaves the file as it was, to the byte.

  Background:
    Given the services from "agent-platform"
    And the workflow "complexConfigurationUpdate"

  @configuration-9 @orchestration-3
  Scenario Outline: The disk fails at the <stage> with <code>, and everything is as before
    Given the disk fails at "<stage>" with "<code>"
    When the workflow runs
    Then the workflow is rolled back
    And it takes 710 ms
    And the error is "<code>" from "FileService.updateFile"
    And these compensations run in order:
      | AgentService.resetAgentState           |
      | RoleService.rollbackRole               |
      | PersonalityService.rollbackPersonality |
    And no effect remains
    And no file is left behind
    And the files are:
      | agents/grace.json |
    And the file "agents/grace.json" contains:
      """
      {
        "version": "1.0",
        "format": "json",
        "encoding": "utf-8",
        "metadata": {
          "createdAt": "2025-01-01T00:00:00Z",
          "createdBy": "ConfigurationService"
        },
        "data": {
          "agents": [
            {
              "id": "grace",
              "name": "Grace",
              "role": "software-mentor",
              "personalityId": "creative-mentor",
              "personalityVersion": 1,
              "modelId": "standard-model",
              "capabilities": [
                "code-review"
              ],
              "constraints": [],
              "settings": {},
              "metadata": {
                "version": "1.0",
                "isActive": true,
                "tags": [
                  "mentoring"
                ]
              },
              "version": 1,
              "createdAt": "2025-01-01T00:00:00Z",
              "updatedAt": "2025-01-01T00:00:00Z"
            }
          ],
          "personalities": [],
          "roles": []
        }
      }
      """
    And the entity "grace" of "AgentService" has:
      | path     | value |
      | /version | 1     |

    Examples:
      | stage      | code                |
      | staging    | ENOSPC              |
      | staging    | EACCES              |
      | validation | VALIDATION_FAILED   |
      | validation | CORRUPTION_DETECTED |
      | commit     | EACCES              |
      | commit     | ENOSPC              |

  @configuration-9
  Scenario: A disk hangs once
    Given the disk fails 1 time at "staging" with "ETIMEDOUT"
    And "FileService.updateFile" is retried up to 1 time
    When the workflow runs
    Then the workflow completes
    And the files are:
      | agents/grace.json          |
      | agents/grace.json.backup.1 |

  @configuration-9
  Scenario: A file that is corrupted later is restored from its backup
    When the workflow runs
    Then the workflow completes
    When the file "agents/grace.json" is corrupted on disk
    And "FileService.readFile" is called with:
      """json
      { "path": "agents/grace.json" }
      """
    Then the call fails with "CORRUPTION_DETECTED"
    When "FileService.validateFileIntegrity" is called with:
      """json
      { "path": "agents/grace.json", "restore": true }
      """
    Then the reply has:
      | path             | value |
      | /isValid         | true  |
      | /restored        | true  |
      | /restoredVersion | 1     |
    When "FileService.readFile" is called with:
      """json
      { "path": "agents/grace.json" }
      """
    Then the reply has:
      | path                                      | value |
      | /content/data/agents/0/personalityVersion | 1     |

  @configuration-9
  Scenario: An undo does not overwrite changes from outside, and the run reports it
    Given "ValidationService.validateSystemConsistency" fails with "CONTRACT_VIOLATION"
    When the workflow starts
    And 550 ms pass
    And the file "agents/grace.json" is corrupted on disk
    And the workflow ends
    Then the workflow fails with "CONTRACT_VIOLATION"
    And the outcome has:
      | path                        | value                   |
      | /compensations/0/call       | FileService.restoreFile |
      | /compensations/0/error/code | CONCURRENT_MODIFICATION |
    And the entity "grace" of "AgentService" has:
      | path     | value |
      | /version | 1     |
