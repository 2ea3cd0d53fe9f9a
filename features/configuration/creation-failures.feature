@needs-json-schema
Feature: Creating an agent on services that keep what they are told
  An agent that half exists is worse than none. Whatever fails on the way, the
  services hold in the end what they held before.

  Background:
    Given the services from "agent-platform"

  @configuration-1 @orchestration-1
  Scenario: The agent and its file exist
    Given the workflow "completeAgentCreation"
    When the workflow runs
    Then the workflow completes
    And it takes 525 ms
    And the steps run in this order:
      | validatePersonality |
      | validateRole        |
      | createAgent         |
      | createFile          |
    And the entity "ada" of "AgentService" has:
      | path                | value           |
      | /name               | Ada             |
      | /role               | software-mentor |
      | /personalityId      | creative-mentor |
      | /personalityVersion | 1               |
      | /version            | 1               |
    And the file "agents/ada.json" contains:
      """json
      {
        "version": "1.0",
        "format": "json",
        "encoding": "utf-8",
        "metadata": { "createdAt": "2025-01-01T00:00:00.45Z", "createdBy": "completeAgentCreation" },
        "data": {
          "agents": [
            {
              "id": "ada", "name": "Ada", "role": "software-mentor",
              "personalityId": "creative-mentor", "personalityVersion": 1, "modelId": "standard-model",
              "version": 1, "createdAt": "2025-01-01T00:00:00.45Z", "updatedAt": "2025-01-01T00:00:00.45Z"
            }
          ],
          "personalities": [],
          "roles": []
        }
      }
      """
    And the timeline has none of:
      | event   |
      | warning |
      | error   |

  @configuration-1 @orchestration-2 @orchestration-4
  Scenario Outline: <call> fails, and what was completed before it is undone
    Given the workflow "completeAgentCreation"
    And "<call>" fails with "<code>"
    When the workflow runs
    Then the workflow is rolled back
    And the error is "<code>" from "<call>"
    And it takes <time>
    And the state of the workflow has:
      | path         | value         |
      | /compensated | <compensated> |
    And "AgentService" does not hold the entity "ada"
    And the file "agents/ada.json" does not exist
    And the entity "creative-mentor" of "PersonalityService" has:
      | path     | value |
      | /version | 1     |

    Examples:
      | call                                                | code                 | time   | compensated                                            |
      | PersonalityService.validatePersonalityConfiguration | VALIDATION_FAILED    | 150 ms | []                                                     |
      | RoleService.validateRoleCapabilities                | CAPABILITY_ERROR     | 300 ms | ["validatePersonality"]                                |
      | AgentService.createAgent                            | AGENT_CREATION_ERROR | 525 ms | ["validatePersonality", "validateRole"]                |
      | FileService.createFile                              | EACCES               | 650 ms | ["validatePersonality", "validateRole", "createAgent"] |

  @configuration-1 @orchestration-2 @orchestration-4
  Scenario Outline: <call> may have had an effect, and is undone with the rest in <undoing>
    Given the workflow "partialAgentCreation"
    And "<call>" fails with "<code>"
    When the workflow runs
    Then the workflow is rolled back
    And the error is "<code>" from "<call>"
    And it takes <time>
    And the outcome has:
      | path                       | value                                  |
      | /compensations/0/call      | <first>                                |
      | /compensations/<last>/call | PersonalityService.rollbackPersonality |
      | /compensations/<none>      |                                        |
    And "AgentService" does not hold the entity "ada"
    And the file "agents/ada.json" does not exist

    Examples:
      | call                                                | code                 | time   | undoing | first                                  | last | none |
      | PersonalityService.validatePersonalityConfiguration | VALIDATION_FAILED    | 200 ms | 50 ms   | PersonalityService.rollbackPersonality | 0    | 1    |
      | RoleService.validateRoleCapabilities                | CAPABILITY_ERROR     | 325 ms | 75 ms   | RoleService.rollbackRole               | 1    | 2    |
      | AgentService.createAgent                            | AGENT_CREATION_ERROR | 575 ms | 125 ms  | AgentService.rollbackAgent             | 2    | 3    |
      | FileService.createFile                              | EACCES               | 725 ms | 200 ms  | FileService.deleteFile                 | 3    | 4    |

  @configuration-1 @configuration-9 @orchestration-3
  Scenario Outline: The disk fails at the <stage>, and no orphan remains
    Given the workflow "completeAgentCreation"
    And the disk fails at "<stage>" with "<code>"
    When the workflow runs
    Then the workflow is rolled back
    And it takes 650 ms
    And the error is "<code>" from "FileService.createFile"
    And these compensations run in order:
      | AgentService.rollbackAgent             |
      | RoleService.rollbackRole               |
      | PersonalityService.rollbackPersonality |
    And "AgentService" does not hold the entity "ada"
    And "AgentService" holds the entity "grace"
    And the file "agents/ada.json" does not exist
    And no file is left behind
    And no effect remains

    Examples:
      | stage      | code              |
      | staging    | ENOSPC            |
      | validation | VALIDATION_FAILED |
      | commit     | EACCES            |

  @configuration-1 @orchestration-3
  Scenario: A file that may be incomplete is removed with the rest
    Given the workflow "partialAgentCreation"
    And the disk fails at "commit" with "EPERM"
    When the workflow runs
    Then the workflow is rolled back
    And it takes 725 ms
    And these compensations run in order:
      | FileService.deleteFile                 |
      | AgentService.rollbackAgent             |
      | RoleService.rollbackRole               |
      | PersonalityService.rollbackPersonality |
    And "AgentService" does not hold the entity "ada"
    And no file is left behind

  @configuration-1 @orchestration-5
  Scenario: A failed compensation is reported, and its effect remains
    Given the workflow "completeAgentCreation"
    And the disk fails at "staging" with "ENOSPC"
    And "AgentService.rollbackAgent" fails with "PERMANENT_ERROR"
    When the workflow runs
    Then the workflow fails with "ENOSPC"
    And these compensations run in order:
      | AgentService.rollbackAgent             |
      | RoleService.rollbackRole               |
      | PersonalityService.rollbackPersonality |
    And "AgentService.rollbackAgent" is executed 1 time
    And "RoleService.rollbackRole" is executed 1 time
    And "PersonalityService.rollbackPersonality" is executed 1 time
    And "AgentService" holds the entity "ada"
    And the outcome has:
      | path                        | value           |
      | /error/code                 | ENOSPC          |
      | /compensations/0/error/code | PERMANENT_ERROR |

  @configuration-1 @orchestration-12
  Scenario Outline: <call> takes effect after its timeout, and nothing remains
    Given the workflow "completeAgentCreation"
    And every call times out after 500 ms
    And "<call>" answers:
      | execution | answer   |
      | 1         | late 3 s |
    When the workflow runs
    Then the workflow is rolled back
    And the error is "TIMEOUT" from "<call>"
    When 1 h passes
    Then "AgentService" does not hold the entity "ada"
    And the file "agents/ada.json" does not exist

    Examples:
      | call                     |
      | AgentService.createAgent |
      | FileService.createFile   |

  @configuration-1
  Scenario: The agent is removed, although somebody has changed it since
    Given the workflow "completeAgentCreation"
    And "FileService" is slowed by 1 s
    And "FileService.createFile" fails with "EACCES"
    When the workflow starts
    And 500 ms pass
    And "AgentService.updateAgentConfiguration" is called with:
      """json
      { "id": "ada", "name": "Ada Lovelace" }
      """
    And the workflow ends
    Then the workflow is rolled back
    And "AgentService" does not hold the entity "ada"

  @configuration-11
  Scenario: An unknown personality is reported with two similar ones
    When "PersonalityService.validatePersonalityReference" is called with:
      """json
      { "personalityId": "careful-coach" }
      """
    Then the call fails with "PERSONALITY_NOT_FOUND"
    And the failure has:
      | path   | value         |
      | /field | personalityId |
    When "PersonalityService.suggestAlternativePersonalities" is called with:
      """json
      { "personalityId": "careful-coach", "similarityThreshold": 0.8, "max": 3 }
      """
    Then the reply is:
      """json
      {
        "suggestions": [
          { "id": "careful-guide", "name": "Careful Guide", "similarity": 0.85 },
          { "id": "creative-coach", "name": "Creative Coach", "similarity": 0.82 }
        ]
      }
      """
