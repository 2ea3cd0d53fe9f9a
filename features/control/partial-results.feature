@needs-control
Feature: What is left of a goal that failed
  A plan that stops keeps what it has done, and says how it is best recovered. Resumed, perhaps with a
  mended step, it goes on where it stopped, in the same trace.

  Background:
    Given the services from "calculators"
    And 3 workers

  @control-4
  Scenario: A step that fails leaves half of the plan, and its mended form completes it
    Given the plan:
      | call                | input                |
      | Calculator.add      | {"a": 10, "b": 20}   |
      | Calculator.multiply | {"a": 30, "b": 2}    |
      | Calculator.divide   | {"a": 60, "b": 0}    |
      | Calculator.add      | {"a": 100, "b": 200} |
    When the goal "Calculate" is pursued
    Then the goal fails with "TOOL_ERROR"
    And the outcome of the goal has:
      | path                 | value                             |
      | /partial/completed   | ["step_1_add", "step_2_multiply"] |
      | /partial/failed      | ["step_3_divide"]                 |
      | /partial/total       | 4                                 |
      | /partial/remaining   | 1                                 |
      | /partial/ratio       | 0.5                               |
      | /partial/mode        | resource_tool                     |
      | /partial/recoverable | true                              |
      | /partial/strategy    | retry_from_checkpoint             |
      | /output/result       | 60                                |
      | /plan/stage          | failed                            |
    Given step 3 of the plan is mended:
      | call              | input             |
      | Calculator.divide | {"a": 60, "b": 2} |
    When the goal resumes
    Then the goal completes
    And the outcome of the goal has:
      | path            | value                                                              |
      | /output/result  | 300                                                                |
      | /trace          | trace-1                                                            |
      | /plan/id        | plan-1                                                             |
      | /plan/completed | ["step_1_add", "step_2_multiply", "step_3_divide", "step_4_add"] |
      | /plan/failed    | []                                                                 |
      | /partial        |                                                                    |
    And "Calculator.add" is executed 2 times
    And "Calculator.multiply" is executed 1 time
    And the stages are:
      | initialize |
      | plan       |
      | route      |
      | execute    |
      | failed     |
      | execute    |
      | aggregate  |
      | complete   |

  @control-5
  Scenario: A goal that is resumed without a remedy is where it was, and can be resumed again
    Given the plan:
      | call                | input             |
      | Calculator.add      | {"a": 1, "b": 2}  |
      | Calculator.multiply | {"a": 3, "b": 4}  |
      | Calculator.divide   | {"a": 12, "b": 0} |
      | Calculator.add      | {"a": 6, "b": 6}  |
    When the goal "Calculate" is pursued
    Then the goal fails with "TOOL_ERROR"
    When the goal resumes
    Then the goal fails with "TOOL_ERROR"
    And the outcome of the goal has:
      | path               | value                             |
      | /partial/completed | ["step_1_add", "step_2_multiply"] |
      | /partial/ratio     | 0.5                               |
    Given step 3 of the plan is mended:
      | call              | input             |
      | Calculator.divide | {"a": 24, "b": 0} |
    When the goal resumes
    Then the goal fails with "TOOL_ERROR"
    And the outcome of the goal has:
      | path               | value                             |
      | /partial/completed | ["step_1_add", "step_2_multiply"] |
    Given step 3 of the plan is mended:
      | call              | input             |
      | Calculator.divide | {"a": 12, "b": 3} |
    When the goal resumes
    Then the goal completes
    And the outcome of the goal has:
      | path           | value |
      | /output/result | 12    |
    And "Calculator.multiply" is executed 1 time

  @control-5
  Scenario Outline: <done> of <total> steps done, and then <code>: <strategy>
    Given the plan:
      | call                | input            |
      | Calculator.add      | {"a": 1, "b": 2} |
      | Calculator.multiply | {"a": 3, "b": 4} |
      | Calculator.divide   | {"a": 10, "b": 2} |
      | Calculator.transient | {}              |
    And "<fails>" fails 1 time with "<code>"
    When the goal "Calculate" is pursued
    Then the goal fails with "<code>"
    And the outcome of the goal has:
      | path                 | value         |
      | /partial/strategy    | <strategy>    |
      | /partial/recoverable | <recoverable> |
      | /partial/ratio       | <ratio>       |

    Examples:
      | done | total | fails                | code              | strategy              | recoverable | ratio |
      | 3    | 4     | Calculator.transient | NETWORK_TIMEOUT   | retry_failed          | true        | 0.75  |
      | 1    | 4     | Calculator.multiply  | NETWORK_TIMEOUT   | retry_from_checkpoint | true        | 0.25  |
      | 0    | 4     | Calculator.add       | NETWORK_TIMEOUT   | retry_all             | true        | 0.0   |
      | 3    | 4     | Calculator.transient | PERMISSION_DENIED | manual                | false       | 0.75  |
      | 3    | 4     | Calculator.transient | BUDGET_EXHAUSTED  | manual                | false       | 0.75  |

  @control-5
  Scenario: A step that has completed cannot be changed
    Given the plan:
      | call              | input             |
      | Calculator.add    | {"a": 1, "b": 2}  |
      | Calculator.divide | {"a": 10, "b": 0} |
    When the goal "Calculate" is pursued
    Then the goal fails with "TOOL_ERROR"
    Given step 1 of the plan is mended:
      | call           | input            |
      | Calculator.add | {"a": 1, "b": 1} |
    When the goal resumes
    Then the goal is refused, which says "has completed, and so cannot be changed"
    And "Calculator.add" is executed 1 time

  @control-5
  Scenario: A goal that cannot be recovered is not resumed
    Given the plan:
      | call           | input            |
      | Calculator.add | {"a": 1, "b": 2} |
    And "Calculator.add" fails 1 time with "PERMISSION_DENIED"
    When the goal "Calculate" is pursued
    Then the goal fails with "PERMISSION_DENIED"
    When the goal resumes
    Then the goal is refused, which says "the goal is failed, and resuming it cannot help"

  @control-4
  Scenario: A service that was removed after the plan was made fails like any other
    Given a service "Extra"
    And the plan:
      | call                | input            |
      | Calculator.add      | {"a": 1, "b": 2} |
      | Calculator.multiply | {"a": 3, "b": 4} |
      | Extra.look          | {}               |
    And "Calculator.multiply" takes 1 s
    When the goal "Calculate" starts
    And "Extra" is removed
    And the goal ends
    Then the goal fails with "SERVICE_NOT_FOUND"
    And the outcome of the goal has:
      | path               | value                             |
      | /partial/completed | ["step_1_add", "step_2_multiply"] |
      | /partial/strategy  | manual                            |

  @control-3
  Scenario Outline: A tool that fails <failures> times with retries: <executions> executions
    Given the coordinator:
      """json
      { "workers": [{ "id": "w1" }], "retry": { "maxRetries": 3, "base": "1s", "cap": "30s" } }
      """
    And the plan:
      | call                 | input            |
      | Calculator.add       | {"a": 1, "b": 2} |
      | Calculator.transient | {}               |
      | Calculator.multiply  | {"a": 3, "b": 4} |
    And "Calculator.transient" fails <failures> times with "<code>"
    When the goal "Calculate" is pursued
    Then the goal <ends>
    And "Calculator.transient" is executed <executions> times
    And it takes <took>

    Examples:
      | failures | code             | ends                         | executions | took |
      | 2        | CONNECTION_RESET | completes                    | 3          | 3 s  |
      | 4        | CONNECTION_RESET | fails with "CONNECTION_RESET" | 4          | 7 s  |

  @control-3
  Scenario: A terminal failure has one execution
    Given the coordinator:
      """json
      { "workers": [{ "id": "w1" }], "retry": { "maxRetries": 3, "base": "1s" } }
      """
    And the plan:
      | call           | input            |
      | Calculator.add | {"a": 1, "b": 2} |
    And "Calculator.add" fails 1 time with "PERMISSION_DENIED"
    When the goal "Calculate" is pursued
    Then the goal fails with "PERMISSION_DENIED"
    And "Calculator.add" is executed 1 time

  Rule: The worker is gone when the goal resumes

    Background:
      Given the audit trail is kept in "audit.jsonl"
      And the plan:
        | call              | input             |
        | Calculator.add    | {"a": 1, "b": 2}  |
        | Calculator.divide | {"a": 60, "b": 0} |
      When the goal "Calculate" is pursued
      Then the goal fails with "TOOL_ERROR"
      Given step 2 of the plan is mended:
        | call              | input             |
        | Calculator.divide | {"a": 60, "b": 2} |

    @control-5 @control-2
    Scenario: Whoever is still available goes on where the former worker stopped
      Given the worker "w1" is not available
      When the goal resumes
      Then the goal completes
      And the outcome of the goal has:
        | path           | value   |
        | /worker        | w3      |
        | /output/result | 30.0    |
        | /trace         | trace-1 |
      And "Calculator.add" is executed 1 time
      And the stages are:
        | initialize |
        | plan       |
        | route      |
        | execute    |
        | failed     |
        | route      |
        | execute    |
        | aggregate  |
        | complete   |
      And the timeline has, in order:
        | event         | target | caller | call              |
        | route_decided | w1     |        |                   |
        | call_started  |        | w1     | Calculator.divide |
        | route_decided | w3     |        |                   |
        | call_started  |        | w3     | Calculator.divide |
      And the audit trail has 1 entry of type "planning"
      And the audit trail has 2 entries of type "routing"

    @control-5 @control-2
    Scenario: A worker that was removed is replaced by one of those that there are
      Given the coordinator:
        """json
        { "workers": [{ "id": "ana" }, { "id": "ben" }], "approval": { "plan": true } }
        """
      When the goal resumes
      Then the goal completes
      And the outcome of the goal has:
        | path     | value  |
        | /plan/id | plan-1 |
        | /worker  | ana    |

    @control-5 @control-2
    Scenario: A worker who is still there goes on, whoever was added
      Given the coordinator:
        """json
        { "workers": [{ "id": "ana" }, { "id": "w1" }] }
        """
      When the goal resumes
      Then the goal completes
      And the outcome of the goal has:
        | path    | value |
        | /worker | w1    |
      And the audit trail has 1 entry of type "routing"

    @control-5 @control-2
    Scenario: Nobody is left, and the goal can be resumed once somebody is
      Given the worker "w1" is not available
      And the worker "w2" is not available
      And the worker "w3" is not available
      When the goal resumes
      Then the goal fails with "WORKER_UNAVAILABLE"
      And the outcome of the goal has:
        | path                 | value                                  |
        | /error/message       | none of the 3 workers is available     |
        | /partial/completed   | ["step_1_add"]                         |
        | /partial/recoverable | true                                   |
        | /partial/strategy    | retry_from_checkpoint                  |
        | /plan/stage          | failed                                 |
        | /output/result       | 3                                      |
      And the stages are:
        | initialize |
        | plan       |
        | route      |
        | execute    |
        | failed     |
        | failed     |
      And the audit trail has 1 entry of type "routing"
      Given the worker "w2" is available
      When the goal resumes
      Then the goal completes
      And the outcome of the goal has:
        | path           | value |
        | /worker        | w2    |
        | /output/result | 30.0  |
      And "Calculator.add" is executed 1 time
      And "Calculator.divide" is executed 2 times

    @control-5 @control-2
    Scenario: By hand: whoever the goal names is waited for
      Given the coordinator:
        """json
        { "routing": "manual", "workers": [{ "id": "ana" }, { "id": "ben" }] }
        """
      When the goal is pursued:
        """json
        { "goal": "Calculate", "route": { "worker": "ana", "reason": "knows the customer" } }
        """
      Then the goal fails with "TOOL_ERROR"
      Given the worker "ana" is not available
      When the goal resumes
      Then the goal fails with "WORKER_UNAVAILABLE"
      And the outcome of the goal has:
        | path                 | value                         |
        | /error/message       | worker "ana" is not available |
        | /partial/recoverable | true                          |
      Given the worker "ana" is available
      When the goal resumes
      Then the goal completes

    @control-5 @control-2
    Scenario: A resumption that is refused chooses nobody
      Given the worker "w1" is not available
      And step 1 of the plan is mended:
        | call           | input            |
        | Calculator.add | {"a": 1, "b": 1} |
      When the goal resumes
      Then the goal is refused, which says "has completed, and so cannot be changed"
      And the audit trail has 1 entry of type "routing"
      When the goal resumes
      Then the goal fails with "TOOL_ERROR"
      And the outcome of the goal has:
        | path    | value |
        | /worker | w3    |

    @control-5 @control-2
    Scenario: A worker that takes over is the caller after a crash, too
      Given the worker "w1" is not available
      And the orchestrator crashes before step "step_2_divide"
      When the goal resumes
      And the orchestrator restarts
      Then the goal completes
      And the timeline has, in order:
        | event                  | caller | call              |
        | orchestrator_restarted |        |                   |
        | call_started           | w3     | Calculator.divide |
      And the audit trail has 2 entries of type "routing"

  Rule: What happens when a step fails for good

    Background:
      Given the plan:
        | call                 | input            |
        | Calculator.add       | {"a": 1, "b": 2} |
        | Calculator.transient | {}               |
        | Calculator.multiply  | {"a": 3, "b": 4} |

    @control-11
    Scenario: failFast, unless another strategy is given: the plan stops
      Given "Calculator.transient" fails 1 time with "CONNECTION_RESET"
      When the goal "Calculate" is pursued
      Then the goal fails with "CONNECTION_RESET"
      And "Calculator.multiply" is never executed

    @control-11
    Scenario: continue: the steps after it run, and the goal completes without it
      Given the coordinator:
        """json
        { "workers": [{ "id": "w1" }], "onError": "continue" }
        """
      And "Calculator.transient" fails 1 time with "CONNECTION_RESET"
      When the goal "Calculate" is pursued
      Then the goal completes
      And the outcome of the goal has:
        | path            | value                             |
        | /output/result  | 12                                |
        | /plan/completed | ["step_1_add", "step_3_multiply"] |
        | /plan/failed    | ["step_2_transient"]              |

    @control-11
    Scenario: retry: the execution is repeated from the step that failed
      Given the coordinator:
        """json
        { "workers": [{ "id": "w1" }], "onError": "retry" }
        """
      And "Calculator.transient" fails 1 time with "CONNECTION_RESET"
      When the goal "Calculate" is pursued
      Then the goal completes
      And "Calculator.add" is executed 1 time
      And "Calculator.transient" is executed 2 times
      And the stages are:
        | initialize |
        | plan       |
        | route      |
        | execute    |
        | execute    |
        | aggregate  |
        | complete   |

    @control-11
    Scenario: retry: what no repetition helps is not repeated
      Given the coordinator:
        """json
        { "workers": [{ "id": "w1" }], "onError": "retry", "stageRetries": 5 }
        """
      And "Calculator.transient" fails 1 time with "PERMISSION_DENIED"
      When the goal "Calculate" is pursued
      Then the goal fails with "PERMISSION_DENIED"
      And "Calculator.transient" is executed 1 time

    @control-11
    Scenario: retry: as often as it may be
      Given the coordinator:
        """json
        { "workers": [{ "id": "w1" }], "onError": "retry", "stageRetries": 2 }
        """
      And "Calculator.transient" fails 3 times with "CONNECTION_RESET"
      When the goal "Calculate" is pursued
      Then the goal fails with "CONNECTION_RESET"
      And "Calculator.transient" is executed 3 times

    @control-11
    Scenario: fallback: the alternative is called in its place
      Given a service "Cache"
      And the coordinator:
        """json
        { "workers": [{ "id": "w1" }], "onError": "fallback", "alternatives": { "Calculator.transient": "Cache.latest" } }
        """
      And "Calculator.transient" fails 1 time with "CONNECTION_RESET"
      When the goal "Calculate" is pursued
      Then the goal completes
      And "Cache.latest" is executed 1 time
      And the outcome of the goal has:
        | path         | value |
        | /plan/failed | []    |
