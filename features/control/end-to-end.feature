@needs-control
Feature: The control plane, from end to end
  A coordinator is given goals. It plans them, gives each plan to a worker, asks people where it must, keeps
  to its budgets, tries again what may help, and accounts for all of it. These scenarios show it whole; the
  other features of this folder show its parts.

  Background:
    Given the services from "calculators"
    And the coordinator:
      """json
      {
        "workers": [{ "id": "w1" }, { "id": "w2" }, { "id": "w3" }],
        "retry": { "maxRetries": 3, "base": "1s", "cap": "30s" }
      }
      """

  @control-1 @control-8
  Scenario: Two sums
    Given the plan:
      | call                | input            |
      | Calculator.add      | {"a": 5, "b": 3} |
      | Calculator.multiply | {"a": 8, "b": 2} |
    When the goal "Add five and three, and double it" is pursued
    Then the goal completes
    And the outcome of the goal has:
      | path           | value |
      | /output/result | 16    |
      | /plan/steps    | 2     |
    And the timeline has, in order:
      | event        | target | reason                                              |
      | plan_created | plan-1 | 2 steps for "Add five and three, and double it" |

  @control-3
  Scenario: A tool that fails twice on the way
    Given the plan:
      | call                 | input            |
      | Calculator.add       | {"a": 1, "b": 2} |
      | Calculator.transient | {}               |
      | Calculator.multiply  | {"a": 3, "b": 4} |
    And "Calculator.transient" fails 2 times with "CONNECTION_RESET"
    When the goal "Calculate" is pursued
    Then the goal completes
    And it takes 3 s
    And the outcome of the goal has:
      | path           | value |
      | /output/result | 12    |

  @control-3 @control-4
  Scenario: A tool that fails twice, and another that cannot succeed until it is mended
    Given the plan:
      | call                 | input             |
      | Calculator.add       | {"a": 1, "b": 1}  |
      | Calculator.transient | {}                |
      | Calculator.divide    | {"a": 10, "b": 0} |
    And "Calculator.transient" fails 2 times with "CONNECTION_RESET"
    When the goal "Calculate" is pursued
    Then the goal fails with "TOOL_ERROR"
    And "Calculator.divide" is executed 4 times
    And the outcome of the goal has:
      | path               | value                              |
      | /partial/completed | ["step_1_add", "step_2_transient"] |
      | /partial/strategy  | retry_from_checkpoint              |
    Given step 3 of the plan is mended:
      | call              | input             |
      | Calculator.divide | {"a": 10, "b": 2} |
    When the goal resumes
    Then the goal completes
    And the outcome of the goal has:
      | path           | value |
      | /output/result | 5.0   |
    And "Calculator.transient" is executed 3 times

  @control-7
  Scenario: Three steps within a budget
    Given the coordinator:
      """json
      { "workers": [{ "id": "w1" }], "budget": { "calls": 5, "policy": "block" } }
      """
    And the plan:
      | call                | input             |
      | Calculator.add      | {"a": 5, "b": 10} |
      | Calculator.multiply | {"a": 15, "b": 3} |
      | Calculator.divide   | {"a": 45, "b": 5} |
    When the goal "Calculate" is pursued
    Then the goal completes
    And the outcome of the goal has:
      | path           | value |
      | /output/result | 9.0   |
      | /plan/steps    | 3     |

  @control-1
  Scenario: Four steps
    Given the plan:
      | call                | input             |
      | Calculator.add      | {"a": 10, "b": 20} |
      | Calculator.multiply | {"a": 30, "b": 2} |
      | Calculator.divide   | {"a": 60, "b": 3} |
      | Calculator.add      | {"a": 20, "b": 5} |
    When the goal "Calculate" is pursued
    Then the outcome of the goal has:
      | path           | value |
      | /output/result | 25    |
      | /plan/steps    | 4     |

  @control-9
  Scenario: Each call has a start and an end, with its name and how long it took
    Given the plan:
      | call                | input             |
      | Calculator.add      | {"a": 5, "b": 10} |
      | Calculator.multiply | {"a": 15, "b": 2} |
    And "Calculator.add" takes 20 ms
    When the goal "Calculate" is pursued
    Then the timeline has, in order:
      | at    | event        | caller | call                | took  | result |
      | 0 ms  | call_started | w1     | Calculator.add      |       |        |
      | 20 ms | call_ended   | w1     | Calculator.add      | 20 ms | ok     |
      | 20 ms | call_started | w1     | Calculator.multiply |       |        |
      | 20 ms | call_ended   | w1     | Calculator.multiply | 0 ms  | ok     |

  @control-4
  Scenario: A plan that fails is still the one plan that was made
    Given the plan:
      | call              | input             |
      | Calculator.add    | {"a": 1, "b": 2}  |
      | Calculator.divide | {"a": 10, "b": 0} |
    When the goal "Calculate" is pursued
    Then the goal fails with "TOOL_ERROR"
    And the outcome of the goal has:
      | path               | value          |
      | /partial/completed | ["step_1_add"] |
    And the timeline has none of:
      | event        | target |
      | plan_created | plan-2 |

  @control-5
  Scenario: A failure at the fourth of four steps is tried again, one at the second of three goes on from there
    Given the plan:
      | call                | input             |
      | Calculator.add      | {"a": 1, "b": 2}  |
      | Calculator.multiply | {"a": 3, "b": 4}  |
      | Calculator.add      | {"a": 6, "b": 6}  |
      | Calculator.divide   | {"a": 12, "b": 0} |
    When the goal "Calculate" is pursued
    Then the outcome of the goal has:
      | path              | value        |
      | /partial/strategy | retry_failed |
    Given the plan:
      | call              | input             |
      | Calculator.add    | {"a": 1, "b": 2}  |
      | Calculator.divide | {"a": 12, "b": 0} |
      | Calculator.add    | {"a": 6, "b": 6}  |
    When the goal "Calculate" is pursued
    Then the outcome of the goal has:
      | path              | value                 |
      | /partial/strategy | retry_from_checkpoint |

  @control-13
  @needs-sqlite
  Scenario: Everything together: a plan of four steps is approved, stumbles, warns and completes
    Given the audit trail is kept in "audit.sqlite"
    And the coordinator:
      """json
      {
        "workers": [{ "id": "w1" }, { "id": "w2" }],
        "retry": { "maxRetries": 3, "base": "1s", "cap": "30s" },
        "approval": { "plan": true, "approvers": ["ana"], "risk": "high" },
        "budget": { "calls": 6 }
      }
      """
    And the plan:
      | call                 | input              |
      | Calculator.add       | {"a": 10, "b": 20} |
      | Calculator.transient | {}                 |
      | Calculator.multiply  | {"a": 30, "b": 3}  |
      | Calculator.divide    | {"a": 90, "b": 3}  |
    And "Calculator.transient" fails 1 time with "CONNECTION_RESET"
    When the goal "Calculate the quarter" starts
    And 2 min pass
    And "ana" approves step "approve_plan" because "the numbers are small"
    And the goal ends
    Then the goal completes
    And the outcome of the goal has:
      | path           | value                                                                              |
      | /output/result | 30.0                                                                               |
      | /trace         | trace-1                                                                            |
      | /worker        | w1                                                                                 |
      | /took          | 2m 1s                                                                              |
      | /plan/completed | ["step_1_add", "step_2_transient", "step_3_multiply", "step_4_divide"]            |
    And the timeline has, in order:
      | at        | event              | trace   | stage      | target | call                 | status   | execution | ceiling | used | limit |
      | 0 ms      | stage_entered      | trace-1 | initialize |        |                      |          |           |         |      |       |
      | 0 ms      | stage_entered      | trace-1 | plan       |        |                      |          |           |         |      |       |
      | 0 ms      | plan_created       | trace-1 |            | plan-1 |                      |          |           |         |      |       |
      | 0 ms      | route_decided      | trace-1 |            | w1     |                      |          |           |         |      |       |
      | 0 ms      | stage_entered      | trace-1 | route      |        |                      |          |           |         |      |       |
      | 0 ms      | stage_entered      | trace-1 | execute    |        |                      |          |           |         |      |       |
      | 0 ms      | approval_requested |         |            |        |                      |          |           |         |      |       |
      | 2 min     | approval_ended     |         |            |        |                      | approved |           |         |      |       |
      | 2 min     | call_ended         |         |            |        | Calculator.add       |          | 1         |         |      |       |
      | 2 min     | retry_scheduled    |         |            |        | Calculator.transient |          | 1         |         |      |       |
      | 2 min 1 s | call_ended         |         |            |        | Calculator.transient |          | 2         |         |      |       |
      | 2 min 1 s | budget_warning     |         |            |        |                      |          |           | calls   | 5    | 6     |
      | 2 min 1 s | call_ended         |         |            |        | Calculator.divide    |          | 1         |         |      |       |
      | 2 min 1 s | stage_entered      | trace-1 | aggregate  |        |                      |          |           |         |      |       |
      | 2 min 1 s | stage_entered      | trace-1 | complete   |        |                      |          |           |         |      |       |
    And the audit trail has 1 entry of type "planning"
    When the audit trail is reopened
    Then the audit trail of "trace-1" has, in order:
      | type        | target               | reason                                   | confidence | /metadata/result |
      | planning    | plan-1               | 4 steps for "Calculate the quarter"    | 1.0        |                  |
      | routing     | w1                   | the next of 2 available workers in turn  | 1.0        |                  |
      | approval    | plan-1/approve_plan  |                                          |            |                  |
      | approval    | plan-1/approve_plan  | the numbers are small                    |            |                  |
      | interaction | Calculator.add       |                                          |            | ok               |
      | interaction | Calculator.transient |                                          |            | CONNECTION_RESET |
      | interaction | Calculator.transient |                                          |            | ok               |
      | interaction | Calculator.multiply  |                                          |            | ok               |
      | budget      | calls                | 5 of 6 used                              |            |                  |
      | interaction | Calculator.divide    |                                          |            | ok               |
    And the golden signals have:
      | path              | value  |
      | /calls            | 4      |
      | /successRate      | 1.0    |
      | /executions       | 5      |
      | /errorRate        | 0.2    |
      | /stepsPerGoal     | 5.0    |
      | /approvalWait/p50 | 2 min  |
      | /budgetUse        | 0.8333 |

  @control-8
  Scenario: An audit trail that cannot be written is a warning, and the goal completes
    Given the audit trail is kept in "audit.jsonl"
    And the audit trail cannot be written
    And the plan:
      | call           | input            |
      | Calculator.add | {"a": 5, "b": 3} |
    When the goal "Add" is pursued
    Then the goal completes
    And the timeline has, in order:
      | event   | about       |
      | warning | audit trail |
