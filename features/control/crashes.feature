@needs-control
Feature: Goals whose process is lost
  A plan runs as a workflow, and what it has done is journalled. Whenever the process is lost, the next one goes
  on with the goal: in its trace, by its worker, without doing anything twice or deciding anything anew.

  Background:
    Given the services from "calculators"
    And the audit trail is kept in "audit.jsonl"

  Rule: The process is lost at a step

    Background:
      Given the coordinator:
        """json
        { "workers": [{ "id": "w1" }, { "id": "w2" }], "budget": { "calls": 10 } }
        """
      And the plan:
        | call                 | input                                              |
        | Calculator.add       | {"a": 1, "b": 2}                                   |
        | Calculator.multiply  | {"a": "${/step_1_add/result}", "b": 4}             |
        | Calculator.divide    | {"a": "${/step_2_multiply/result}", "b": 3}        |
      And "Calculator.multiply" takes 1 s

    @control-4
    Scenario Outline: A crash <point> step <step> loses nothing
      Given the orchestrator crashes <point> step "<step>"
      When the goal "Calculate" is pursued
      And 1 min passes
      And the orchestrator restarts
      Then the goal completes
      And the outcome of the goal has:
        | path            | value                                              |
        | /output/result  | 4.0                                                |
        | /trace          | trace-1                                            |
        | /worker         | w1                                                 |
        | /plan/stage     | completed                                          |
        | /plan/completed | ["step_1_add", "step_2_multiply", "step_3_divide"] |
      And the stages are:
        | initialize |
        | plan       |
        | route      |
        | execute    |
        | aggregate  |
        | complete   |
      And "Calculator.add" is executed <add> time
      And "Calculator.multiply" is executed <multiply> time
      And "Calculator.divide" is executed <divide> time
      And no effect happens twice
      And the audit trail has 1 entry of type "planning"
      And the audit trail has 1 entry of type "routing"
      And the audit trail of "trace-1" has <entries> entries

      Examples: The step has not started, so it runs once
        | point  | step            | add | multiply | divide | entries |
        | before | step_1_add      | 1   | 1        | 1      | 5       |
        | before | step_2_multiply | 1   | 1        | 1      | 5       |
        | before | step_3_divide   | 1   | 1        | 1      | 5       |

      Examples: It is unknown whether the step completed, so it runs again
        | point                       | step            | add | multiply | divide | entries |
        | before the service acts in  | step_1_add      | 2   | 1        | 1      | 6       |
        | after the service acts in   | step_2_multiply | 1   | 2        | 1      | 6       |
        | during                      | step_1_add      | 2   | 1        | 1      | 6       |
        | during                      | step_2_multiply | 1   | 2        | 1      | 6       |
        | during                      | step_3_divide   | 1   | 1        | 2      | 6       |

      Examples: The step is known to have completed, so it does not run again
        | point | step            | add | multiply | divide | entries |
        | after | step_1_add      | 1   | 1        | 1      | 5       |
        | after | step_2_multiply | 1   | 1        | 1      | 5       |
        | after | step_3_divide   | 1   | 1        | 1      | 5       |

    @control-4
    Scenario: The process is lost again and again
      Given the orchestrator crashes before step "step_1_add"
      And the orchestrator crashes during step "step_2_multiply"
      And the orchestrator crashes after step "step_2_multiply"
      When the goal "Calculate" is pursued
      And the orchestrator restarts
      And the orchestrator restarts
      And the orchestrator restarts
      Then the goal completes
      And "Calculator.multiply" is executed 2 times
      And no effect happens twice
      And the audit trail has 1 entry of type "planning"
      And the audit trail has 1 entry of type "routing"

    @control-4
    Scenario: The goal ends when its plan does, asked about or not
      When the goal "Calculate" starts
      And the orchestrator crashes
      And the orchestrator restarts
      And 1 min passes
      Then the timeline has, in order:
        | at  | event                  | stage     | caller | call                |
        | 0 s | orchestrator_crashed   |           |        |                     |
        | 0 s | orchestrator_restarted |           |        |                     |
        | 0 s | call_started           |           | w1     | Calculator.multiply |
        | 1 s | stage_entered          | aggregate |        |                     |
        | 1 s | stage_entered          | complete  |        |                     |
      And the outcome of the goal has:
        | path  | value |
        | /took | 1s    |

    @control-4
    Scenario: A plan that words suggest goes on like any other
      Given plans are made from words
      And the orchestrator crashes after step "step_1_add"
      When the goal "Add and divide" is pursued
      And the orchestrator restarts
      Then the goal completes
      And "Calculator.add" is executed 1 time
      And "Calculator.divide" is executed 1 time

    @control-4 @needs-sqlite
    Scenario: The journal is in a file
      Given the journal is kept in a file
      And the orchestrator crashes after step "step_2_multiply"
      When the goal "Calculate" is pursued
      And the orchestrator restarts
      Then the goal completes
      And "Calculator.multiply" is executed 1 time

    @control-7
    Scenario: What was done before the crash is not charged again
      Given the coordinator:
        """json
        { "workers": [{ "id": "w1" }], "budget": { "calls": 3, "policy": "block", "warnAt": 0.99 } }
        """
      And a budget:
        | field | value |
        | calls | 10    |
      And the orchestrator crashes after step "step_2_multiply"
      When the goal "Calculate" is pursued
      And the orchestrator restarts
      Then the goal completes
      And the budget has:
        | path        | value |
        | /calls/used | 3     |
      And the audit trail has 1 entry of type "budget"

    @control-7
    Scenario: A call that a crash cut off was made, so it counts beside its repetition
      Given the coordinator:
        """json
        { "workers": [{ "id": "w1" }], "budget": { "calls": 3, "policy": "block" } }
        """
      And the orchestrator crashes during step "step_2_multiply"
      When the goal "Calculate" is pursued
      And the orchestrator restarts
      Then the goal fails with "BUDGET_EXHAUSTED"
      And "Calculator.divide" is never executed

    @control-10
    Scenario: All goals go on, each in its own trace
      Given the orchestrator crashes after step "step_1_add"
      When these goals are pursued at once:
        | goal         |
        | First goal   |
        | Second goal  |
        | Third goal   |
      And the orchestrator restarts
      Then the goals complete
      And the outcomes of the goals have:
        | path       | value       |
        | /0/goal    | First goal  |
        | /0/worker  | w1          |
        | /0/trace   | trace-1     |
        | /1/goal    | Second goal |
        | /1/worker  | w2          |
        | /2/goal    | Third goal  |
        | /2/trace   | trace-3     |
        | /2/plan/id | plan-3      |
      And "Calculator.add" is executed 3 times
      And the audit trail has 3 entries of type "planning"
      And the audit trail has 3 entries of type "routing"
      And the audit trail of "trace-2" has 5 entries

    @control-4
    Scenario: A goal that was resumed goes on, too
      Given "Calculator.multiply" fails 1 time with "CONNECTION_RESET"
      When the goal "Calculate" is pursued
      Then the goal fails with "CONNECTION_RESET"
      Given the orchestrator crashes during step "step_2_multiply"
      When the goal resumes
      And the orchestrator restarts
      Then the goal completes
      And "Calculator.add" is executed 1 time
      And the stages are:
        | initialize |
        | plan       |
        | route      |
        | execute    |
        | failed     |
        | execute    |
        | aggregate  |
        | complete   |

    @control-4
    Scenario: A step that was mended goes on as it was mended
      Given "Calculator.multiply" fails 1 time with "CONNECTION_RESET"
      When the goal "Calculate" is pursued
      Then the goal fails with "CONNECTION_RESET"
      Given step 3 of the plan is mended:
        | call           | input                                        |
        | Calculator.add | {"a": 20, "b": 5}                            |
      And the orchestrator crashes before step "step_3_add"
      When the goal resumes
      And the orchestrator restarts
      Then the goal completes
      And the outcome of the goal has:
        | path           | value |
        | /output/result | 25    |
      And "Calculator.multiply" is executed 2 times

  Rule: The process is lost while the execution may be repeated

    Background:
      Given the coordinator:
        """json
        { "workers": [{ "id": "w1" }], "onError": "retry", "stageRetries": 1 }
        """
      And the plan:
        | call                 | input            |
        | Calculator.add       | {"a": 1, "b": 2} |
        | Calculator.transient | {}               |

    @control-11
    Scenario: The execution is repeated after the restart
      Given the orchestrator crashes after step "step_1_add"
      And "Calculator.transient" fails 1 time with "CONNECTION_RESET"
      When the goal "Calculate" is pursued
      And the orchestrator restarts
      Then the goal completes
      And "Calculator.add" is executed 1 time
      And the stages are:
        | initialize |
        | plan       |
        | route      |
        | execute    |
        | execute    |
        | aggregate  |
        | complete   |

    @control-11
    Scenario: A restart gives no further repetition
      Given the orchestrator crashes before step "step_2_transient" on its 2nd execution
      And "Calculator.transient" fails 2 times with "CONNECTION_RESET"
      When the goal "Calculate" is pursued
      And the orchestrator restarts
      Then the goal fails with "CONNECTION_RESET"
      And "Calculator.transient" is executed 2 times

  Rule: The process is lost around an approval

    Background:
      Given the coordinator:
        """json
        {
          "workers": [{ "id": "w1" }],
          "approval": { "plan": true, "operations": ["Calculator.multiply"], "approvers": ["ana"] }
        }
        """
      And the plan:
        | call                | input            |
        | Calculator.add      | {"a": 1, "b": 2} |
        | Calculator.multiply | {"a": 3, "b": 4} |

    @control-6
    Scenario Outline: A crash <point> step <step> asks for nothing twice
      Given the orchestrator crashes <point> step "<step>"
      When the goal "Calculate" starts
      And "ana" approves step "approve_plan" because "go ahead"
      And "ana" approves step "approve_step_2" because "it is only a product"
      And 1 min passes
      And the orchestrator restarts
      And the goal ends
      Then the goal completes
      And "Calculator.add" is executed 1 time
      And "Calculator.multiply" is executed 1 time
      And the audit trail has 4 entries of type "approval"
      And the audit trail of "trace-1" has 8 entries
      And the audit trail of "trace-1" has, in order:
        | type        | target                | reason               |
        | planning    | plan-1                |                      |
        | routing     | w1                    |                      |
        | interaction | Calculator.add        |                      |
        | interaction | Calculator.multiply   |                      |

      Examples:
        | point  | step           |
        | before | approve_plan   |
        | during | approve_plan   |
        | after  | approve_plan   |
        | before | approve_step_2 |
        | during | approve_step_2 |
        | after  | approve_step_2 |

    @control-6
    Scenario: An approval that is denied after the restart cancels the goal
      When the goal "Calculate" starts
      And the orchestrator crashes
      And the orchestrator restarts
      And "ana" denies step "approve_plan" because "not today"
      And 1 min passes
      Then the timeline has, in order:
        | at   | event          | stage     | status |
        | 0 ms | approval_ended |           | denied |
        | 0 ms | stage_entered  | cancelled |        |
      And the goal is cancelled
      And "Calculator.add" is never executed

    @control-6
    Scenario: A goal is cancelled after the restart
      When the goal "Calculate" starts
      And the orchestrator crashes
      And the orchestrator restarts
      And cancellation of the goal is requested
      Then the goal is cancelled
      And "Calculator.add" is never executed
      And the timeline has, in order:
        | event          | stage     | status    |
        | approval_ended |           | cancelled |
        | stage_entered  | cancelled |           |

    @control-6
    Scenario: The time to answer goes on while there is no process, and nobody answers
      When the goal "Calculate" starts
      And 1 min passes
      And the orchestrator crashes
      And 10 min pass
      And the orchestrator restarts
      Then the goal fails with "APPROVAL_TIMEOUT"
      And the audit trail has 2 entries of type "approval"
