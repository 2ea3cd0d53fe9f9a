@needs-control
Feature: Goals, from the words to the result
  A coordinator brings a goal through the stages of its life: it makes a plan, chooses a worker, has the
  plan carried out and puts the result together. Whatever it decides is on the timeline, with the reason.

  Background:
    Given the services from "calculators"
    And 3 workers

  @control-1
  Scenario: A goal goes through six stages in order
    Given the plan:
      | call                | input              |
      | Calculator.add      | {"a": 5, "b": 3}   |
      | Calculator.multiply | {"a": 8, "b": 2}   |
    When the goal "Add the numbers, then double the sum" is pursued
    Then the goal completes
    And the stages are:
      | initialize |
      | plan       |
      | route      |
      | execute    |
      | aggregate  |
      | complete   |
    And the outcome of the goal has:
      | path             | value                                |
      | /goal            | Add the numbers, then double the sum |
      | /trace           | trace-1                              |
      | /worker          | w1                                   |
      | /output/result   | 16                                   |
      | /plan/id         | plan-1                               |
      | /plan/stage      | completed                            |
      | /plan/steps      | 2                                    |
      | /plan/completed  | ["step_1_add", "step_2_multiply"]    |
    And the timeline has, in order:
      | event         | trace   | stage      | target | reason                                                   |
      | stage_entered | trace-1 | initialize |        |                                                          |
      | stage_entered | trace-1 | plan       |        |                                                          |
      | plan_created  | trace-1 |            | plan-1 | 2 steps for "Add the numbers, then double the sum"     |
      | route_decided | trace-1 |            | w1     | the next of 3 available workers in turn                  |
      | stage_entered | trace-1 | route      |        |                                                          |
      | stage_entered | trace-1 | execute    |        |                                                          |
      | stage_entered | trace-1 | aggregate  |        |                                                          |
      | stage_entered | trace-1 | complete   |        |                                                          |

  @control-1
  Scenario: Without a plan of its own, a goal calls the operations that its words name
    When the goal "Divide the sum, and add the rest" is pursued
    Then the goal completes
    And the calls are:
      | call                |
      | Calculator.add      |
      | Calculator.divide   |

  @control-1
  Scenario: Words suggest ten steps at most
    Given a service "Letters"
      """json
      {
        "operations": {
          "writeA": {}, "writeB": {}, "writeC": {}, "writeD": {}, "writeE": {}, "writeF": {},
          "writeG": {}, "writeH": {}, "writeI": {}, "writeJ": {}, "writeK": {}, "writeL": {}
        }
      }
      """
    When the goal "Write" is pursued
    Then the goal completes
    And the outcome of the goal has:
      | path        | value |
      | /plan/steps | 10    |
    And "Letters.writeJ" is executed 1 time
    And "Letters.writeK" is never executed

  @control-1
  Scenario: The worker is the caller of its plan's calls
    Given the plan:
      | call           | input            |
      | Calculator.add | {"a": 1, "b": 2} |
    When the goal "Add" is pursued
    Then the timeline has, in order:
      | event        | caller | call           | run    | step       |
      | call_started | w1     | Calculator.add | plan-1 | step_1_add |

  @control-8
  Scenario: A long goal is cut in the reason of its plan, and whole beside it
    Given the plan:
      | call           | input            |
      | Calculator.add | {"a": 1, "b": 2} |
    When the goal "Add one and two, and do not forget to look at the result twice" is pursued
    Then the timeline has, in order:
      | event        | reason                                                             |
      | plan_created | 1 step for "Add one and two, and do not forget to look at the" |

  @control-10
  Scenario: Steps refer to the goal's input and to the steps before them
    Given the plan:
      | call                | input                                            |
      | Calculator.add      | {"a": "${/input/a}", "b": "${/input/b}"}         |
      | Calculator.multiply | {"a": "${/step_1_add/result}", "b": 2}           |
    When the goal is pursued:
      """json
      { "goal": "Double the sum", "input": { "a": 2, "b": 3 } }
      """
    Then the outcome of the goal has:
      | path           | value |
      | /output/result | 10    |

  @control-10
  Scenario: Goals are pursued at once, each in its own trace
    Given the audit trail is kept in "audit.jsonl"
    And the plan:
      | call                | input                                            |
      | Calculator.add      | {"a": "${/input/i}", "b": "${/input/j}"}         |
      | Calculator.multiply | {"a": "${/input/j}", "b": 2}                     |
    And "Calculator.add" takes 100 ms
    When these goals are pursued at once:
      | goal        | trace | input            |
      | Double one  | t-1   | {"i": 0, "j": 1} |
      | Double two  | t-2   | {"i": 1, "j": 2} |
      | Double three | t-3  | {"i": 2, "j": 3} |
      | Double four | t-4   | {"i": 3, "j": 4} |
      | Double five | t-5   | {"i": 4, "j": 5} |
    Then the goals complete
    And it takes 100 ms
    And the outcomes of the goals have:
      | path             | value |
      | /0/output/result | 2     |
      | /1/output/result | 4     |
      | /2/output/result | 6     |
      | /3/output/result | 8     |
      | /4/output/result | 10    |
      | /0/worker        | w1    |
      | /1/worker        | w2    |
      | /2/worker        | w3    |
      | /3/worker        | w1    |
      | /4/worker        | w2    |
      | /2/trace         | t-3   |
    And the audit trail of "t-1" has 4 entries
    And the audit trail of "t-5" has 4 entries
    And the audit trail of "t-3" has, in order:
      | at                       | type        | target              | reason                                 |
      | 2025-01-01T00:00:00Z     | planning    | plan-3              | 2 steps for "Double three"           |
      | 2025-01-01T00:00:00Z     | routing     | w3                  |                                        |
      | 2025-01-01T00:00:00.1Z   | interaction | Calculator.add      | step step_1_add of plan-3            |
      | 2025-01-01T00:00:00.1Z   | interaction | Calculator.multiply | step step_2_multiply of plan-3       |

  @control-8
  Scenario: Several plans may belong to one trace
    Given the audit trail is kept in "audit.jsonl"
    And the plan:
      | call           | input            |
      | Calculator.add | {"a": 1, "b": 2} |
    When these goals are pursued at once:
      | goal   | trace |
      | First  | night |
      | Second | night |
      | Third  | night |
    Then the goals complete
    And the timeline has, in order:
      | event        | trace | target |
      | plan_created | night | plan-1 |
      | plan_created | night | plan-2 |
      | plan_created | night | plan-3 |
    And the audit trail has 3 entries of type "planning"
    And the audit trail of "night" has, in order:
      | type     | target | reason                |
      | planning | plan-1 | 1 step for "First"  |
      | routing  | w1     |                       |
      | planning | plan-2 | 1 step for "Second" |
      | planning | plan-3 | 1 step for "Third"  |

  @control-1
  Scenario: Another coordinator makes further plans
    Given the plan:
      | call           | input            |
      | Calculator.add | {"a": 1, "b": 2} |
    When the goal "Add" is pursued
    Then the goal completes
    Given 1 worker
    When the goal "Add" is pursued
    Then the goal completes
    And the outcome of the goal has:
      | path     | value   |
      | /plan/id | plan-2  |
      | /trace   | trace-2 |

  @control-1
  Scenario: The first stage names the context of the goal
    When the goal is pursued:
      """json
      {
        "goal": "Add", "profile": "careful", "user": "ana", "memoryScope": "year",
        "session": "s-1", "conversation": "c-1"
      }
      """
    Then the timeline has, in order:
      | event         | stage      | data                                                                                                                                                      |
      | stage_entered | initialize | {"goal": "Add", "workersAvailable": 3, "profile": "careful", "user": "ana", "memoryScope": "year", "session": "s-1", "conversation": "c-1"} |

  Rule: Invalid goals are refused before anything is done

    @control-1
    Scenario Outline: <what> is refused
      When the goal is pursued:
        """json
        <goal>
        """
      Then the goal is refused, which says "<message>"
      And "Calculator.add" is never executed

      Examples:
        | what                                 | goal                                                                                    | message                          |
        | A goal without words                 | { "goal": "-- !" }                                                                      | a goal needs words               |
        | A trace without a name               | { "goal": "Add", "trace": "" }                                                          | a trace needs a name             |
        | A memory without its user            | { "goal": "Add", "memoryScope": "all" }                                                 | of a user needs                   |
        | A conversation outside of a session  | { "goal": "Add", "conversation": "c-1" }                                                | a conversation needs its            |
        | A choice without a reason            | { "goal": "Add", "route": { "worker": "w1", "reason": " " } }                           | a choice needs a reason          |
        | A choice that is more than sure      | { "goal": "Add", "route": { "worker": "w1", "reason": "knows it", "confidence": 1.5 } } | expected 0 to 1, found 1.5       |

    @control-1
    Scenario: A goal whose words name nothing has no plan
      When the goal "Sing" is pursued
      Then the goal fails with "VALIDATION_FAILED"
      And the stages are:
        | initialize |
        | failed     |
      And the outcome of the goal has:
        | path           | value                                    |
        | /error/message | a plan needs at least one step |

    @control-1
    Scenario: A call that does not exist is found when the plan is made
      Given the plan:
        | call               |
        | Calculator.divided |
      When the goal "Divide" is pursued
      Then the goal fails with "VALIDATION_FAILED"
      And the timeline has none of:
        | event        |
        | plan_created |
