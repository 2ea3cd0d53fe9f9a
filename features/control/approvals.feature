@needs-control
Feature: Plans and steps that need an approval
  A coordinator can have a person approve a plan, or single operations of it. What was not approved is not
  done.

  Background:
    Given the services from "calculators"
    And the plan:
      | call                | input             |
      | Calculator.add      | {"a": 1, "b": 2}  |
      | Calculator.multiply | {"a": 3, "b": 4}  |
    And the coordinator:
      """json
      {
        "workers": [{ "id": "w1" }],
        "approval": { "operations": ["Calculator.multiply"], "approvers": ["ana", "ben"], "risk": "high" }
      }
      """

  @control-6
  Scenario: A step is carried out once it is approved
    When the goal "Calculate" starts
    Then "Calculator.add" is executed 1 time
    And "Calculator.multiply" is never executed
    When 2 min pass
    And "ana" approves step "approve_step_2" because "it is only a product"
    And the goal ends
    Then the goal completes
    And the outcome of the goal has:
      | path           | value |
      | /output/result | 12    |
      | /plan/steps    | 2     |
    And the timeline has, in order:
      | at    | event              | request               | operation                            | risk | status   | approver |
      | 0 ms  | approval_requested | plan-1/approve_step_2 | Calculator.multiply of {"a":3,"b":4} | high |          |          |
      | 2 min | approval_ended     | plan-1/approve_step_2 |                                      |      | approved | ana      |

  @control-6
  Scenario: A step that is denied is not carried out, the plan is cancelled, and what was done is kept
    When the goal "Calculate" starts
    And "ben" denies step "approve_step_2" because "not today"
    And the goal ends
    Then the goal is cancelled
    And "Calculator.multiply" is never executed
    And the stages are:
      | initialize |
      | plan       |
      | route      |
      | execute    |
      | cancelled  |
    And the outcome of the goal has:
      | path                 | value           |
      | /plan/stage          | cancelled       |
      | /partial/completed   | ["step_1_add"]  |
      | /partial/strategy    | manual          |
      | /partial/recoverable | false           |
      | /error/code          | APPROVAL_DENIED |
      | /output/result       | 3               |

  @control-6
  Scenario: A plan is not begun before it is approved
    Given the coordinator:
      """json
      { "workers": [{ "id": "w1" }], "approval": { "plan": true, "timeout": "1h" } }
      """
    When the goal "Calculate" starts
    And 30 min pass
    Then "Calculator.add" is never executed
    When "ana" approves step "approve_plan" because "go ahead"
    And the goal ends
    Then the goal completes
    And the timeline has, in order:
      | event              | request             | operation                                |
      | approval_requested | plan-1/approve_plan | Calculator.add, then Calculator.multiply |

  @control-6
  Scenario: Nobody answers, and the goal fails
    When the goal "Calculate" is pursued
    Then the goal fails with "APPROVAL_TIMEOUT"
    And it takes 5 min
    And the outcome of the goal has:
      | path              | value          |
      | /partial/completed | ["step_1_add"] |
      | /partial/strategy | manual         |

  @control-6
  Scenario: Nobody answers in a second, and the system approves
    Given the coordinator:
      """json
      { "workers": [{ "id": "w1" }], "approval": { "plan": true, "timeout": "1s", "approveOnTimeout": true } }
      """
    When the goal "Calculate" is pursued
    Then the goal completes
    And it takes 1 s
    And the timeline has, in order:
      | event          | status   | approver |
      | approval_ended | approved | system   |

  @control-6
  Scenario: Where approvals are disabled the system approves, and says so
    Given approvals are disabled
    When the goal "Calculate" is pursued
    Then the goal completes
    And the timeline has, in order:
      | event          | status   | approver | reason                                  |
      | approval_ended | approved | system   | approvals are disabled in this scenario |

  @control-6
  Scenario: A goal that is cancelled while it waits withdraws its request
    When the goal "Calculate" starts
    And 1 min passes
    And cancellation of the goal is requested
    And the goal ends
    Then the goal is cancelled
    And the timeline has, in order:
      | at    | event          | status    |
      | 1 min | approval_ended | cancelled |

  @control-6
  Scenario: The process is lost while a plan waits, and the answer that came meanwhile counts
    When the goal "Calculate" starts
    And the orchestrator crashes
    And "ana" approves step "approve_step_2" because "it is only a product"
    And the orchestrator restarts
    Then the goal completes
    And "Calculator.add" is executed 1 time
    And the outcome of the goal has:
      | path           | value |
      | /output/result | 12    |

  @control-6 @control-5
  Scenario: A step that was mended after it was approved needs another approval
    Given "Calculator.multiply" fails 1 time with "TRANSIENT_ERROR"
    When the goal "Calculate" starts
    And "ana" approves step "approve_step_2" because "it is only a product"
    And the goal ends
    Then the goal fails with "TRANSIENT_ERROR"
    Given step 2 of the plan is mended:
      | call                | input             |
      | Calculator.multiply | {"a": 30, "b": 3} |
    When the goal resumes in the background
    Then "Calculator.multiply" is executed 1 time
    When "ben" approves step "approve_step_2" because "it is larger, but still only a product"
    And the goal ends
    Then the goal completes
    And the timeline has, in order:
      | event              | request                 | operation                             | approver |
      | approval_requested | plan-1/approve_step_2   | Calculator.multiply of {"a":3,"b":4}  |          |
      | approval_ended     | plan-1/approve_step_2   |                                       | ana      |
      | approval_requested | plan-1/approve_step_2~2 | Calculator.multiply of {"a":30,"b":3} |          |
      | approval_ended     | plan-1/approve_step_2~2 |                                       | ben      |
    And the outcome of the goal has:
      | path           | value |
      | /output/result | 90    |

  @control-6 @control-5
  Scenario: A step that only failed is not approved again when the goal resumes
    Given "Calculator.multiply" fails 1 time with "TRANSIENT_ERROR"
    When the goal "Calculate" starts
    And "ana" approves step "approve_step_2" because "it is only a product"
    And the goal ends
    Then the goal fails with "TRANSIENT_ERROR"
    When the goal resumes
    Then the goal completes
    And it takes 0 ms

  @control-6
  Scenario: The process is lost while a plan waits, and the answer that comes after the restart counts
    When the goal "Calculate" starts
    And 1 min passes
    And the orchestrator crashes
    And 1 min passes
    And the orchestrator restarts
    And "ana" approves step "approve_step_2" because "it is only a product"
    And the goal ends
    Then the goal completes
    And "Calculator.add" is executed 1 time
    And the timeline has, in order:
      | at    | event                  | caller | call                | status   |
      | 2 min | orchestrator_restarted |        |                     |          |
      | 2 min | approval_ended         |        |                     | approved |
      | 2 min | call_started           | w1     | Calculator.multiply |          |
    And the stages are:
      | initialize |
      | plan       |
      | route      |
      | execute    |
      | aggregate  |
      | complete   |

  @control-6 @needs-sqlite
  Scenario: The journal is in a file, and nobody answers after the restart
    Given the journal is kept in a file
    When the goal "Calculate" starts
    And 1 min passes
    And the orchestrator crashes
    And the orchestrator restarts
    And the goal ends
    Then the goal fails with "APPROVAL_TIMEOUT"
    And it takes 4 min
