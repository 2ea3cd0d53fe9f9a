@needs-json-schema
Feature: Cancellation
  A cancelled workflow is not killed: running steps finish, no new step starts,
  and everything is undone.

  Background:
    Given the services from "agent-platform"
    And the workflow "completeAgentCreation"

  @orchestration-15
  Scenario: A workflow cancelled in its second step undoes both steps
    When the workflow starts
    And 200 ms pass
    And cancellation is requested
    Then the state of the workflow has:
      | path     | value            |
      | /status  | running          |
      | /current | ["validateRole"] |
    When the workflow ends
    Then the workflow is cancelled
    And it takes 125 ms
    And the steps run in this order:
      | validatePersonality |
      | validateRole        |
    And "AgentService.createAgent" is never executed
    And these compensations run in order:
      | RoleService.rollbackRole               |
      | PersonalityService.rollbackPersonality |
    And the calls are:
      | at     | call                                                | took   | result |
      | 0 ms   | PersonalityService.validatePersonalityConfiguration | 150 ms | ok     |
      | 150 ms | RoleService.validateRoleCapabilities                | 100 ms | ok     |
      | 250 ms | RoleService.rollbackRole                            | 25 ms  | ok     |
      | 275 ms | PersonalityService.rollbackPersonality              | 50 ms  | ok     |
    And the outcome has:
      | path            | value     |
      | /status         | cancelled |
      | /took           | 325 ms    |
      | /error          |           |
      | /steps/2/status | skipped   |

  @orchestration-15
  Scenario: A running step is not retried after cancellation
    Given every call is retried up to 2 times
    And "RoleService.validateRoleCapabilities" fails 1 time with "TRANSIENT_ERROR"
    When the workflow starts
    And 200 ms pass
    And cancellation is requested
    And the workflow ends
    Then the workflow is cancelled
    And it takes 100 ms
    And "RoleService.validateRoleCapabilities" is executed 1 time

  @orchestration-15
  Scenario: A running step that hangs times out and is undone as well
    Given every call times out after 500 ms
    And "AgentService.createAgent" hangs
    When the workflow starts
    And 300 ms pass
    And cancellation is requested
    And the workflow ends
    Then the workflow is cancelled
    And it takes 575 ms
    And these compensations run in order:
      | AgentService.rollbackAgent             |
      | RoleService.rollbackRole               |
      | PersonalityService.rollbackPersonality |

  @orchestration-15
  Scenario: A cancelled workflow fails if a compensation fails
    Given "RoleService.rollbackRole" fails with "PERMANENT_ERROR"
    When the workflow starts
    And 200 ms pass
    And cancellation is requested
    And the workflow ends
    Then the workflow fails
    And it takes 125 ms
    And these compensations run in order:
      | RoleService.rollbackRole               |
      | PersonalityService.rollbackPersonality |

  @orchestration-15
  Scenario: A failure before the cancellation is reported as the error
    Given a service "Worker"
    And "Worker.refuse" takes 50 ms
    And "Worker.refuse" fails with "PERMANENT_ERROR"
    And "Worker.build" takes 200 ms
    And the workflow:
      """json
      {
        "id": "pair",
        "steps": [
          { "id": "bad", "service": "Worker", "operation": "refuse", "dependencies": [] },
          { "id": "good", "service": "Worker", "operation": "build", "dependencies": [], "compensation": "demolish" }
        ]
      }
      """
    When the workflow starts
    And 100 ms pass
    And cancellation is requested
    And the workflow ends
    Then the workflow is rolled back
    And it takes 100 ms
    And the error is "PERMANENT_ERROR" from "Worker.refuse"
    And these compensations run in order:
      | Worker.demolish |

  @orchestration-13 @orchestration-15
  Scenario: A cancellation survives a crash
    Given the orchestrator crashes during step "validateRole"
    When the workflow starts
    And 200 ms pass
    And cancellation is requested
    And the workflow ends
    And the orchestrator restarts
    Then the workflow is cancelled
    And it takes 75 ms
    And "RoleService.validateRoleCapabilities" is executed 1 time
    And "AgentService.createAgent" is never executed
    And these compensations run in order:
      | RoleService.rollbackRole               |
      | PersonalityService.rollbackPersonality |
    And nothing has an effect

  @orchestration-15
  Scenario: A cancelled workflow is undone even if it keeps partial results on failure
    Given the workflow keeps on failure
    When the workflow starts
    And 200 ms pass
    And cancellation is requested
    And the workflow ends
    Then the workflow is cancelled
    And it takes 125 ms
    And these compensations run in order:
      | RoleService.rollbackRole               |
      | PersonalityService.rollbackPersonality |
    And nothing has an effect

  @orchestration-15
  Scenario: A second cancellation request has no effect
    When the workflow starts
    And 200 ms pass
    And cancellation is requested
    And 10 ms pass
    And cancellation is requested
    And the workflow ends
    Then the workflow is cancelled
    And the timeline has none of:
      | at     | event                  |
      | 210 ms | cancellation_requested |
    And these compensations run in order:
      | RoleService.rollbackRole               |
      | PersonalityService.rollbackPersonality |
