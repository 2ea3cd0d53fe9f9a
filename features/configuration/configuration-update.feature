@needs-json-schema
Feature: Updating a configuration across services
  A personality changes, and whatever was made of it has to follow: the role, the
  agent, its file. Either all of them have taken it over, or none has.

  Background:
    Given the services from "agent-platform"
    And the workflow "complexConfigurationUpdate"

  @configuration-2
  Scenario: Every version rises by one, and the file is backed up
    When the workflow runs
    Then the workflow completes
    And it takes 620 ms
    And the calls are:
      | at     | call                                              | took   | result |
      | 0 ms   | PersonalityService.updatePersonalityConfiguration | 120 ms | ok     |
      | 120 ms | RoleService.updateCustomRole                      | 120 ms | ok     |
      | 240 ms | FileService.computeChecksum                       | 0 ms   | ok     |
      | 240 ms | AgentService.syncAgentWithPersonality             | 180 ms | ok     |
      | 420 ms | FileService.updateFile                            | 90 ms  | ok     |
      | 510 ms | ValidationService.validateSystemConsistency       | 110 ms | ok     |
    And the entity "creative-mentor" of "PersonalityService" has:
      | path                | value |
      | /version            | 2     |
      | /traits/creativity  | 85    |
      | /traits/imagination | 90    |
      | /traits/patience    | 80    |
    And the entity "software-mentor" of "RoleService" has:
      | path           | value                                            |
      | /version       | 2                                                |
      | /capabilities  | ["code-review", "mentoring", "pair-programming"] |
      | /constraints/0 | never writes to production                       |
    And the entity "grace" of "AgentService" has:
      | path                | value                                            |
      | /version            | 2                                                |
      | /personalityVersion | 2                                                |
      | /syncStatus         | synchronized                                     |
      | /capabilities       | ["code-review", "mentoring", "pair-programming"] |
    And the files are:
      | agents/grace.json          |
      | agents/grace.json.backup.1 |
    And the timeline has none of:
      | event   |
      | warning |
      | error   |
    When "FileService.readFile" is called with:
      """json
      { "path": "agents/grace.json" }
      """
    Then the reply has:
      | path                                      | value |
      | /version                                  | 2     |
      | /content/data/agents/0/personalityVersion | 2     |
      | /content/data/personalities/0/version     | 2     |
      | /content/data/roles/0/version             | 2     |

  @needs-configuration @configuration-2
  Scenario: The file has the checksum that the agent knows
    Given the consistency scenario "updatedAgent"
    When consistency is checked
    Then the services are consistent
    When the workflow runs
    Then the workflow completes
    And the entity "grace" of "AgentService" has:
      | path               | value                                                            |
      | /configurationHash | d3451a48ddb5d7d0c8c8678fd1bace2df72c1bf5ec9e79e834d047d1701ba6f4 |
    And the outcome has:
      | path                      | value                                                            |
      | /data/updateFile/checksum | d3451a48ddb5d7d0c8c8678fd1bace2df72c1bf5ec9e79e834d047d1701ba6f4 |
      | /data/updateFile/version  | 2                                                                |
    When consistency is checked
    Then the services are consistent

  @configuration-2
  Scenario: The final check gets the result of every service
    When the workflow runs
    Then the workflow completes
    And "ValidationService.validateSystemConsistency" received:
      """json
      {
        "personality": { "id": "creative-mentor", "version": 2 },
        "role": { "id": "software-mentor", "version": 2 },
        "agent": {
          "id": "grace", "version": 2, "personalityVersion": 2,
          "configurationHash": "d5902a99895763d96d6c73358ecfe76f770137661e84a7293b4e4e6a516b2a03"
        },
        "file": {
          "path": "agents/grace.json", "version": 2,
          "checksum": "d5902a99895763d96d6c73358ecfe76f770137661e84a7293b4e4e6a516b2a03"
        }
      }
      """

  @configuration-2
  Scenario: After a conflict the update is based on the other change
    When "PersonalityService.updatePersonality" is called with:
      """json
      { "id": "creative-mentor", "name": "Creative Muse" }
      """
    And the workflow runs
    Then the workflow completes
    And it takes 770 ms
    And no compensation runs
    And the timeline has, in order:
      | event      | call                                              | result                  |
      | call_ended | PersonalityService.updatePersonalityConfiguration | CONCURRENT_MODIFICATION |
      | call_ended | PersonalityService.resolveConflict                | ok                      |
      | call_ended | PersonalityService.retryUpdate                    | ok                      |
    And the timeline has, in order:
      | event   | about             | message                                |
      | warning | updatePersonality | recovered from CONCURRENT_MODIFICATION |
    And the entity "creative-mentor" of "PersonalityService" has:
      | path               | value         |
      | /version           | 3             |
      | /name              | Creative Muse |
      | /traits/creativity | 85            |
    And the entity "grace" of "AgentService" has:
      | path                | value |
      | /personalityVersion | 3     |

  @configuration-2 @configuration-3
  Scenario: An update based on another's change is undone to that change
    Given "AgentService.syncAgentWithPersonality" fails with "SYNCHRONIZATION_ERROR"
    When "PersonalityService.updatePersonality" is called with:
      """json
      { "id": "creative-mentor", "name": "Creative Muse" }
      """
    And the workflow runs
    Then the workflow is rolled back
    And the entity "creative-mentor" of "PersonalityService" has:
      | path               | value         |
      | /version           | 2             |
      | /name              | Creative Muse |
      | /traits/creativity | 75            |

  @configuration-2
  Scenario: An unresolved conflict is the workflow's error
    Given "PersonalityService.updatePersonalityConfiguration" fails with "CONCURRENT_MODIFICATION"
    And "PersonalityService.retryUpdate" fails with "CONCURRENT_MODIFICATION"
    When the workflow runs
    Then the workflow is rolled back
    And it takes 270 ms
    And the error is "CONCURRENT_MODIFICATION" from "PersonalityService.updatePersonalityConfiguration"
    And no compensation runs
    And the entity "creative-mentor" of "PersonalityService" has:
      | path     | value |
      | /version | 1     |

  @configuration-3
  Scenario: A failed agent update restores the personality
    Given "AgentService.syncAgentWithPersonality" fails with "SYNCHRONIZATION_ERROR"
    When the workflow runs
    Then the workflow is rolled back
    And it takes 620 ms
    And the error is "SYNCHRONIZATION_ERROR" from "AgentService.syncAgentWithPersonality"
    And these compensations run in order:
      | AgentService.resetAgentState           |
      | RoleService.rollbackRole               |
      | PersonalityService.rollbackPersonality |
    And the entity "creative-mentor" of "PersonalityService" has:
      | path                | value |
      | /version            | 1     |
      | /traits/creativity  | 75    |
      | /traits/imagination | 80    |
    And the entity "software-mentor" of "RoleService" has:
      | path          | value                        |
      | /version      | 1                            |
      | /capabilities | ["code-review", "mentoring"] |
    And the entity "grace" of "AgentService" has:
      | path        | value |
      | /version    | 1     |
      | /syncStatus |       |
    And "FileService.updateFile" is never executed

  @needs-configuration @configuration-3
  Scenario: The inconsistency that a failed agent update leaves is recorded before it is undone
    Given the consistency scenario "updatedAgent"
    And "AgentService.syncAgentWithPersonality" fails with "SYNCHRONIZATION_ERROR"
    When the workflow starts
    And 430 ms pass
    And consistency is checked
    Then the inconsistencies are:
      | rule                    | kind             | severity | message                   |
      | agent knows its version | version_mismatch | high     | version 1 is lower than 2 |
    When the workflow ends
    Then the workflow is rolled back
    And the timeline has, in order:
      | at     | event               | call                                   | result                | rule                    | kind             | severity | message                   |
      | 420 ms | call_ended          | AgentService.syncAgentWithPersonality  | SYNCHRONIZATION_ERROR |                         |                  |          |                           |
      | 480 ms | inconsistency_found |                                        |                       | agent knows its version | version_mismatch | high     | version 1 is lower than 2 |
      | 620 ms | compensation_ended  | PersonalityService.rollbackPersonality | ok                    |                         |                  |          |                           |
    When consistency is checked
    Then the services are consistent
    And the entity "creative-mentor" of "PersonalityService" has:
      | path     | value |
      | /version | 1     |
    And the entity "grace" of "AgentService" has:
      | path                | value |
      | /version            | 1     |
      | /personalityVersion | 1     |

  @configuration-3
  Scenario: An inconsistent result is rolled back
    Given "ValidationService.validateSystemConsistency" fails with "CONTRACT_VIOLATION"
    When the workflow runs
    Then the workflow is rolled back
    And it takes 880 ms
    And these compensations run in order:
      | FileService.restoreFile                |
      | AgentService.resetAgentState           |
      | RoleService.rollbackRole               |
      | PersonalityService.rollbackPersonality |
    And the entity "creative-mentor" of "PersonalityService" has:
      | path     | value |
      | /version | 1     |
    And the entity "grace" of "AgentService" has:
      | path                | value |
      | /version            | 1     |
      | /personalityVersion | 1     |
    And no file is left behind
    And the files are:
      | agents/grace.json |
    When "FileService.readFile" is called with:
      """json
      { "path": "agents/grace.json" }
      """
    Then the reply has:
      | path                                      | value |
      | /version                                  | 1     |
      | /content/data/agents/0/personalityVersion | 1     |
