@needs-control
Feature: What a plan may use
  A budget limits the cost, the calls, the tokens and the time of a plan. It is checked when the plan is made,
  and again before each call.

  Background:
    Given the services from "calculators"
    And the plan:
      | call                | input            |
      | Calculator.add      | {"a": 1, "b": 2} |
      | Calculator.multiply | {"a": 3, "b": 4} |
      | Calculator.divide   | {"a": 12, "b": 3} |

  @control-7
  Scenario Outline: A plan that needs more than its <ceiling> is refused when it is made
    Given the coordinator:
      """json
      { "workers": [{ "id": "w1" }], "budget": { "<ceiling>": <limit> } }
      """
    When the goal "Calculate" is pursued
    Then the goal fails with "BUDGET_EXHAUSTED"
    And the stages are:
      | initialize |
      | failed     |
    And "Calculator.add" is never executed
    And the outcome of the goal has:
      | path           | value                                                                                    |
      | /error/message | the budget of plan-1 does not suffice for <ceiling>: <needed> needed, <limit> of <limit> available |

    Examples:
      | ceiling | limit | needed |
      | cost    | 0.29  | 0.3    |
      | calls   | 2     | 3      |
      | tokens  | 29    | 30     |

  @control-7
  Scenario: A plan that needs all of its budget is carried out
    Given the coordinator:
      """json
      { "workers": [{ "id": "w1" }], "budget": { "cost": 0.3, "calls": 3, "tokens": 30, "policy": "block", "warnAt": 0.9 } }
      """
    When the goal "Calculate" is pursued
    Then the goal completes
    And the timeline has none of:
      | event           |
      | budget_exceeded |

  @control-7
  Scenario: Most of a budget is a warning, once
    Given the coordinator:
      """json
      { "workers": [{ "id": "w1" }], "budget": { "calls": 3 } }
      """
    When the goal "Calculate" is pursued
    Then the goal completes
    And the timeline has, in order:
      | event          | scope  | ceiling | used | limit |
      | budget_warning | plan-1 | calls   | 3    | 3     |

  @control-7
  Scenario: Retries use up a budget that blocks, and what was done is kept
    Given the coordinator:
      """json
      {
        "workers": [{ "id": "w1" }],
        "retry": { "maxRetries": 5, "base": "1s" },
        "budget": { "calls": 4, "policy": "block" }
      }
      """
    And "Calculator.multiply" fails 3 times with "CONNECTION_RESET"
    When the goal "Calculate" is pursued
    Then the goal fails with "BUDGET_EXHAUSTED"
    And "Calculator.multiply" is executed 3 times
    And the outcome of the goal has:
      | path                 | value          |
      | /partial/mode        | policy_budget  |
      | /partial/strategy    | manual         |
      | /partial/recoverable | false          |
      | /partial/completed   | ["step_1_add"] |

  @control-7
  Scenario: A budget that warns is exceeded once, and the plan goes on
    Given the coordinator:
      """json
      {
        "workers": [{ "id": "w1" }],
        "retry": { "maxRetries": 5, "base": "1s" },
        "budget": { "calls": 4 }
      }
      """
    And "Calculator.multiply" fails 3 times with "CONNECTION_RESET"
    When the goal "Calculate" is pursued
    Then the goal completes
    And the timeline has, in order:
      | event           | scope  | ceiling | used | limit |
      | budget_warning  | plan-1 | calls   | 4    | 4     |
      | budget_exceeded | plan-1 | calls   | 5    | 4     |

  @control-7
  Scenario: Each plan has a budget of its own, beside the one of all calls
    Given the coordinator:
      """json
      { "workers": [{ "id": "w1" }], "budget": { "calls": 3, "warnAt": 0.99 } }
      """
    And a budget:
      | field  | value |
      | calls  | 7     |
      | policy | block |
    When the goal "Calculate" is pursued
    Then the goal completes
    When the goal "Calculate" is pursued
    Then the goal completes
    When the goal "Calculate" is pursued
    Then the goal fails with "BUDGET_EXHAUSTED"
    And the outcome of the goal has:
      | path           | value                                                                      |
      | /error/message | the budget of all calls does not suffice for calls: 3 needed, 1 of 7 available |

  @control-7
  Scenario: Planning by words passes over what the budget does not suffice for
    Given a service "Report"
      """json
      {
        "operations": {
          "writeLong": { "description": "Writes a report.", "cost": 5 },
          "writeShort": { "description": "Writes a report.", "cost": 1 },
          "writeNote": { "description": "Writes a report.", "cost": 0.5 }
        }
      }
      """
    And the coordinator:
      """json
      { "workers": [{ "id": "w1" }], "budget": { "cost": 2 } }
      """
    And plans are made from words
    When the goal "Writes a report" is pursued
    Then the goal completes
    And the calls are:
      | call              |
      | Report.writeShort |
      | Report.writeNote  |
    Given the coordinator:
      """json
      { "workers": [{ "id": "w1" }], "budget": { "cost": 0.4 } }
      """
    When the goal "Writes a report" is pursued
    Then the goal fails with "BUDGET_EXHAUSTED"

  Rule: A goal may have a budget of its own

    Background:
      Given the coordinator:
        """json
        { "workers": [{ "id": "w1" }], "retry": { "maxRetries": 5, "base": "1s" }, "budget": { "calls": 10 } }
        """

    @control-7
    Scenario Outline: A plan that needs more than its goal may use of <ceiling> is refused
      When the goal is pursued:
        """json
        { "goal": "Calculate", "budget": { "<ceiling>": <limit> } }
        """
      Then the goal fails with "BUDGET_EXHAUSTED"
      And "Calculator.add" is never executed
      And the outcome of the goal has:
        | path           | value                                                                                              |
        | /error/message | the budget of plan-1 does not suffice for <ceiling>: <needed> needed, <limit> of <limit> available |

      Examples:
        | ceiling           | limit | needed |
        | cost              | 0.29  | 0.3    |
        | calls             | 2     | 3      |
        | tokens            | 29    | 30     |

    @control-7
    Scenario: It is that goal's alone, and the next has what every plan may use
      When the goal is pursued:
        """json
        { "goal": "Calculate", "budget": { "calls": 2 } }
        """
      Then the goal fails with "BUDGET_EXHAUSTED"
      When the goal "Calculate" is pursued
      Then the goal completes
      And the timeline has none of:
        | event          |
        | budget_warning |

    @control-7
    Scenario: A goal that is refused leaves no budget to the next
      Given the coordinator:
        """json
        { "workers": [{ "id": "w1" }] }
        """
      When the goal is pursued:
        """json
        { "goal": "Calculate", "budget": { "calls": 2 } }
        """
      Then the goal fails with "BUDGET_EXHAUSTED"
      When the goal "Calculate" is pursued
      Then the goal completes

    @control-7
    Scenario: It takes the place of what every plan may use, and holds for retries
      Given "Calculator.multiply" fails 3 times with "CONNECTION_RESET"
      When the goal is pursued:
        """json
        { "goal": "Calculate", "budget": { "calls": 4, "policy": "block" } }
        """
      Then the goal fails with "BUDGET_EXHAUSTED"
      And "Calculator.multiply" is executed 3 times
      And the timeline has, in order:
        | event          | scope  | ceiling | used | limit |
        | budget_warning | plan-1 | calls   | 4    | 4     |

    @control-7
    Scenario: It may allow more than every plan may use
      Given the plan:
        | call                | input            |
        | Calculator.add      | {"a": 1, "b": 2} |
        | Calculator.multiply | {"a": 3, "b": 4} |
      And the coordinator:
        """json
        { "workers": [{ "id": "w1" }], "budget": { "calls": 1, "policy": "block" } }
        """
      When the goal is pursued:
        """json
        { "goal": "Calculate", "budget": { "calls": 2, "policy": "block" } }
        """
      Then the goal completes

    @control-7 @control-10
    Scenario: Goals that are pursued at once have budgets of their own
      When these goals are pursued at once:
        | goal   | budget       |
        | First  | {"calls": 3} |
        | Second | {"calls": 9} |
      Then the goals complete
      And the timeline has, in order:
        | event          | scope  | ceiling | used | limit |
        | budget_warning | plan-1 | calls   | 3    | 3     |
      And the timeline has none of:
        | event          | scope  |
        | budget_warning | plan-2 |
