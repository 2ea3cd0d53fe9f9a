@needs-json-schema
Feature: Deadlines
  A caller waits only so long. At the deadline, running steps are stopped and undone;
  compensation may take longer.

  Background:
    Given the services from "agent-platform"
    And the workflow "completeAgentCreation"

  @orchestration-14
  Scenario: A deadline that passes in the third step rolls the workflow back
    Given the workflow must finish within 350 ms
    When the workflow runs
    Then the workflow is rolled back
    And it takes 475 ms
    And the error is "WORKFLOW_TIMEOUT" from "AgentService.createAgent"
    And "FileService.createFile" is never executed
    And the calls are:
      | at     | call                                                | took   | result           |
      | 0 ms   | PersonalityService.validatePersonalityConfiguration | 150 ms | ok               |
      | 150 ms | RoleService.validateRoleCapabilities                | 100 ms | ok               |
      | 250 ms | AgentService.createAgent                            | 100 ms | WORKFLOW_TIMEOUT |
      | 350 ms | AgentService.rollbackAgent                          | 50 ms  | ok               |
      | 400 ms | RoleService.rollbackRole                            | 25 ms  | ok               |
      | 425 ms | PersonalityService.rollbackPersonality              | 50 ms  | ok               |
    And nothing has an effect

  @orchestration-14
  Scenario: A workflow that ends exactly at its deadline completes
    Given the workflow must finish within 525 ms
    When the workflow runs
    Then the workflow completes
    And it takes 525 ms

  @orchestration-14
  Scenario: A workflow that is one millisecond late is rolled back
    Given the workflow must finish within 524 ms
    When the workflow runs
    Then the workflow is rolled back
    And the error is "WORKFLOW_TIMEOUT" from "FileService.createFile"
    And it takes 724 ms
    And these compensations run in order:
      | FileService.deleteFile                 |
      | AgentService.rollbackAgent             |
      | RoleService.rollbackRole               |
      | PersonalityService.rollbackPersonality |
    And no effect remains

  @orchestration-14
  Scenario: Compensation may take longer than the deadline
    Given the workflow must finish within 350 ms
    And "AgentService.rollbackAgent" takes 10 s
    When the workflow runs
    Then the workflow is rolled back
    And it takes 10425 ms

  @orchestration-14
  Scenario: An effect that arrives after the deadline is discarded
    Given the workflow must finish within 350 ms
    And "AgentService.createAgent" answers:
      | execution | answer   |
      | 1         | late 2 s |
    When the workflow runs
    Then the workflow is rolled back
    And it takes 475 ms
    When 5 s pass
    Then nothing has an effect
    And the timeline has, in order:
      | at      | event   | about                    |
      | 2350 ms | warning | AgentService.createAgent |

  @orchestration-14
  Scenario: The deadline stops all parallel steps
    Given a service "Worker"
    And "Worker.quick" takes 100 ms
    And "Worker.slow" takes 400 ms
    And "Worker.slower" hangs
    And the workflow:
      """json
      {
        "id": "group",
        "deadline": "300ms",
        "steps": [
          { "id": "quick", "service": "Worker", "operation": "quick", "dependencies": [], "compensation": "undoQuick" },
          { "id": "slow", "service": "Worker", "operation": "slow", "dependencies": [], "compensation": "undoSlow" },
          { "id": "slower", "service": "Worker", "operation": "slower", "dependencies": [], "compensation": "undoSlower" }
        ]
      }
      """
    When the workflow runs
    Then the workflow is rolled back
    And it takes 300 ms
    And the error is "WORKFLOW_TIMEOUT" from "Worker.slow"
    And these compensations run in order:
      | Worker.undoSlower |
      | Worker.undoSlow   |
      | Worker.undoQuick  |
    And no effect remains

  @orchestration-14
  Scenario: A deadline of three days stops the retries
    Given the workflow must finish within 72 h
    And the retry policy:
      | field      | value |
      | maxRetries | 100   |
      | base       | 1 h   |
      | multiplier | 1     |
    And "FileService" is down
    When the workflow runs
    Then the workflow is rolled back
    And the error is "SERVICE_UNAVAILABLE" from "FileService.createFile"
    And "FileService.createFile" is executed 72 times
    And no call to "FileService" starts after 72 h
    And the outcome has:
      | path              | value |
      | /error/executions | 72    |

  @orchestration-14
  Scenario: A step that starts at exactly the deadline and takes no time completes
    Given the workflow must finish within 450 ms
    And "FileService.createFile" takes 0 ms
    When the workflow runs
    Then the workflow completes
    And it takes 450 ms

  @orchestration-13 @orchestration-14
  Scenario: A deadline that passes between a crash and the restart is not extended
    Given the workflow must finish within 1 h
    And the orchestrator crashes after step "validateRole"
    When the workflow runs
    And 24 h pass
    And the orchestrator restarts
    Then the workflow is rolled back
    And it takes 75 ms
    And the error is "WORKFLOW_TIMEOUT" from "AgentService.createAgent"
    And "AgentService.createAgent" is never executed
    And these compensations run in order:
      | RoleService.rollbackRole               |
      | PersonalityService.rollbackPersonality |
    And nothing has an effect

  @orchestration-13 @orchestration-14
  Scenario: A step interrupted by a crash before the deadline is undone
    Given the workflow must finish within 1 h
    And the orchestrator crashes during step "createAgent"
    When the workflow runs
    And 24 h pass
    And the orchestrator restarts
    Then the workflow is rolled back
    And it takes 125 ms
    And the error is "WORKFLOW_TIMEOUT" from "AgentService.createAgent"
    And "AgentService.createAgent" is executed 1 time
    And these compensations run in order:
      | AgentService.rollbackAgent             |
      | RoleService.rollbackRole               |
      | PersonalityService.rollbackPersonality |
    And no effect remains

  @orchestration-14 @resilience-6
  Scenario: A call stopped by the deadline does not count for the circuit breaker
    Given the workflow must finish within 350 ms
    And a circuit breaker on "AgentService" opening after 1 failure for 1 h
    When the workflow runs
    Then the workflow is rolled back
    And the error is "WORKFLOW_TIMEOUT" from "AgentService.createAgent"
    And the circuit breaker on "AgentService" is closed
    And "AgentService.rollbackAgent" is executed 1 time

  @orchestration-14 @resilience-8
  Scenario: A call does not wait for a bulkhead beyond the deadline
    Given a service "Worker"
    And "Worker.long" takes 10 s
    And a bulkhead of 1 call on "Worker"
    And the workflow:
      """json
      { "id": "patient", "steps": [{ "id": "long", "service": "Worker", "operation": "long" }] }
      """
    When the workflow starts
    Given the workflow:
      """json
      {
        "id": "hasty",
        "deadline": "300ms",
        "steps": [{ "id": "short", "service": "Worker", "operation": "short", "compensation": "undo" }]
      }
      """
    When the workflow runs
    Then the workflow is rolled back
    And it takes 300 ms
    And the error is "WORKFLOW_TIMEOUT" from "Worker.short"
    And "Worker.short" is never executed
    And no compensation runs
    And the timeline has, in order:
      | at     | event        | call         | by       | code             |
      | 300 ms | call_refused | Worker.short | bulkhead | WORKFLOW_TIMEOUT |
