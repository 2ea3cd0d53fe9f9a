@needs-json-schema
Feature: Agent creation
  Four services that do not know each other create an agent together.
  Either all four succeed and the agent exists, or nothing of it remains.

  Background:
    Given the services from "agent-platform"
    And the workflow "completeAgentCreation"

  @orchestration-1
  Scenario: Four healthy services create an agent
    Given every call times out after 500 ms
    When the workflow runs
    Then the workflow completes
    And it takes 525 ms
    And it takes at most 2 s
    And the steps run in this order:
      | validatePersonality |
      | validateRole        |
      | createAgent         |
      | createFile          |
    And the calls are:
      | at     | call                                                | execution | took   | result |
      | 0 ms   | PersonalityService.validatePersonalityConfiguration | 1         | 150 ms | ok     |
      | 150 ms | RoleService.validateRoleCapabilities                | 1         | 100 ms | ok     |
      | 250 ms | AgentService.createAgent                            | 1         | 200 ms | ok     |
      | 450 ms | FileService.createFile                              | 1         | 75 ms  | ok     |
    And no compensation runs
    And no effect happens twice
    And the outcome has:
      | path                            | value                   |
      | /run                            | completeAgentCreation-1 |
      | /status                         | completed               |
      | /startedAt                      | 2025-01-01T00:00:00Z    |
      | /took                           | 525 ms                  |
      | /data/createAgent/personalityId | creative-mentor         |
      | /data/createFile/path           | agents/ada.json         |
      | /steps/2/took                   | 200 ms                  |
      | /error                          |                         |
    And the outcome matches the snapshot

  @orchestration-1
  Scenario: The state can be read after each step
    When the workflow starts
    Then the state of the workflow has:
      | path       | value                                       |
      | /workflow  | completeAgentCreation                       |
      | /run       | completeAgentCreation-1                     |
      | /status    | running                                     |
      | /elapsed   | 0 ms                                        |
      | /current   | ["validatePersonality"]                     |
      | /pending   | ["validateRole", "createAgent", "createFile"] |
      | /completed | []                                          |
    When 150 ms pass
    Then the state of the workflow has:
      | path       | value                         |
      | /elapsed   | 150 ms                        |
      | /current   | ["validateRole"]              |
      | /pending   | ["createAgent", "createFile"] |
      | /completed | ["validatePersonality"]       |
    When 100 ms pass
    Then the state of the workflow has:
      | path       | value                                   |
      | /current   | ["createAgent"]                         |
      | /completed | ["validatePersonality", "validateRole"] |
    When 200 ms pass
    Then the state of the workflow has:
      | path       | value                                                  |
      | /elapsed   | 450 ms                                                 |
      | /current   | ["createFile"]                                         |
      | /completed | ["validatePersonality", "validateRole", "createAgent"] |
    When the workflow ends
    Then it takes 75 ms
    And the workflow completes
    And the state of the workflow has:
      | path         | value                                                                |
      | /status      | completed                                                            |
      | /elapsed     | 525 ms                                                               |
      | /current     | []                                                                   |
      | /pending     | []                                                                   |
      | /completed   | ["validatePersonality", "validateRole", "createAgent", "createFile"] |
      | /failed      | []                                                                   |
      | /compensated | []                                                                   |
    When 1 h passes
    Then the state of the workflow has:
      | path     | value  |
      | /elapsed | 525 ms |

  @orchestration-2
  Scenario: The agent step fails and the earlier steps are undone
    Given "AgentService.createAgent" fails with "AGENT_CREATION_ERROR"
    When the workflow runs
    Then the workflow is rolled back
    And it takes 525 ms
    And the error is "AGENT_CREATION_ERROR" from "AgentService.createAgent"
    And these compensations run in order:
      | RoleService.rollbackRole               |
      | PersonalityService.rollbackPersonality |
    And "FileService.createFile" is never executed
    And the outcome has:
      | path               | value                |
      | /status            | rolled_back          |
      | /error/code        | AGENT_CREATION_ERROR |
      | /error/service     | AgentService         |
      | /error/operation   | createAgent          |
      | /error/retryable   | false                |
      | /error/executions  | 1                    |
      | /steps/0/status    | compensated          |
      | /steps/1/status    | compensated          |
      | /steps/2/status    | failed               |
      | /steps/3/status    | skipped              |
      | /data/createAgent  |                      |
    And nothing has an effect
    And the outcome matches the snapshot

  @orchestration-2
  Scenario Outline: When <call> fails, the steps completed before it are undone
    Given "<call>" fails with "<code>"
    When the workflow runs
    Then the workflow is rolled back
    And it takes <time>
    And the error is "<code>" from "<call>"
    And the state of the workflow has:
      | path         | value         |
      | /status      | rolled_back   |
      | /elapsed     | <time>        |
      | /compensated | <compensated> |
    And <effects>

    Examples:
      | call                                                | code                 | time   | compensated                                            | effects               |
      | PersonalityService.validatePersonalityConfiguration | VALIDATION_FAILED    | 150 ms | []                                                     | nothing has an effect |
      | RoleService.validateRoleCapabilities                | CAPABILITY_ERROR     | 300 ms | ["validatePersonality"]                                | nothing has an effect |
      | AgentService.createAgent                            | AGENT_CREATION_ERROR | 525 ms | ["validatePersonality", "validateRole"]                | nothing has an effect |
      | FileService.createFile                              | EACCES               | 650 ms | ["validatePersonality", "validateRole", "createAgent"] | no effect remains     |

  @orchestration-4
  Scenario: The first step fails and there is nothing to undo
    Given "PersonalityService.validatePersonalityConfiguration" fails with "VALIDATION_FAILED"
    When the workflow runs
    Then the workflow is rolled back
    And it takes 150 ms
    And no compensation runs
    And the calls are:
      | at   | call                                                | took   | result            |
      | 0 ms | PersonalityService.validatePersonalityConfiguration | 150 ms | VALIDATION_FAILED |

  @orchestration-5
  Scenario: A compensation fails and the others still run
    Given "AgentService.createAgent" fails with "AGENT_CREATION_ERROR"
    And "RoleService.rollbackRole" fails with "PERMANENT_ERROR"
    When the workflow runs
    Then the workflow fails with "AGENT_CREATION_ERROR"
    And it takes 525 ms
    And these compensations run in order:
      | RoleService.rollbackRole               |
      | PersonalityService.rollbackPersonality |
    And "RoleService.rollbackRole" is executed 1 time
    And "PersonalityService.rollbackPersonality" is executed 1 time
    And the outcome has:
      | path                          | value                    |
      | /error/code                   | AGENT_CREATION_ERROR     |
      | /compensations/0/error/code   | PERMANENT_ERROR          |
      | /compensations/0/took         | 25 ms                    |
      | /compensations/1/error        |                          |
      | /compensations/1/took         | 50 ms                    |
      | /steps/0/status               | compensated              |
      | /steps/1/status               | compensation_failed      |
      | /steps/2/status               | failed                   |
    And the outcome matches the snapshot

  @orchestration-5
  Scenario: Every compensation fails
    Given "FileService.createFile" fails with "ENOSPC"
    And "AgentService" is slowed by 100 ms
    And "AgentService.rollbackAgent" fails with "SYNCHRONIZATION_ERROR"
    And "RoleService.rollbackRole" fails with "PERMISSION_DENIED"
    And "PersonalityService.rollbackPersonality" fails with "PERMANENT_ERROR"
    When the workflow runs
    Then the workflow fails
    And it takes 850 ms
    And the error is "ENOSPC" from "FileService.createFile"
    And these compensations run in order:
      | AgentService.rollbackAgent             |
      | RoleService.rollbackRole               |
      | PersonalityService.rollbackPersonality |
    And the state of the workflow has:
      | path         | value  |
      | /status      | failed |
      | /compensated | []     |
