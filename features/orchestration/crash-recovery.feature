Feature: Crash recovery
  A process can crash at any time. The next one knows everything that was journalled,
  and finishes the workflow without repeating an effect.

  Rule: An agent creation is finished after a crash

    Background:
      Given the services from "agent-platform"
      And the workflow "completeAgentCreation"

    @orchestration-13 @needs-json-schema
    Scenario Outline: A crash <point> step <step> loses nothing
      Given the orchestrator crashes <point> step "<step>"
      When the workflow runs
      Then it takes <lost after>
      And the state of the workflow has:
        | path    | value   |
        | /status | running |
      When the orchestrator restarts
      Then it takes <rest>
      And the workflow completes
      And the steps run in this order:
        | validatePersonality |
        | validateRole        |
        | createAgent         |
        | createFile          |
      And "<call>" is executed <times> times
      And no effect happens twice
      And no compensation runs

      Examples: The step has not started, so it runs once
        | point  | step                | lost after | rest   | call                                                | times |
        | before | validatePersonality | 0 ms       | 525 ms | PersonalityService.validatePersonalityConfiguration | 1     |
        | before | validateRole        | 150 ms     | 375 ms | RoleService.validateRoleCapabilities                | 1     |
        | before | createAgent         | 250 ms     | 275 ms | AgentService.createAgent                            | 1     |
        | before | createFile          | 450 ms     | 75 ms  | FileService.createFile                              | 1     |

      Examples: It is unknown whether the step completed, so it runs again
        | point  | step                | lost after | rest   | call                                                | times |
        | during | validatePersonality | 150 ms     | 525 ms | PersonalityService.validatePersonalityConfiguration | 2     |
        | during | validateRole        | 250 ms     | 375 ms | RoleService.validateRoleCapabilities                | 2     |
        | during | createAgent         | 450 ms     | 275 ms | AgentService.createAgent                            | 2     |
        | during | createFile          | 525 ms     | 75 ms  | FileService.createFile                              | 2     |

      Examples: The step is known to have completed, so it does not run again
        | point | step                | lost after | rest   | call                                                | times |
        | after | validatePersonality | 150 ms     | 375 ms | PersonalityService.validatePersonalityConfiguration | 1     |
        | after | validateRole        | 250 ms     | 275 ms | RoleService.validateRoleCapabilities                | 1     |
        | after | createAgent         | 450 ms     | 75 ms  | AgentService.createAgent                            | 1     |
        | after | createFile          | 525 ms     | 0 ms   | FileService.createFile                              | 1     |

    @orchestration-13 @needs-json-schema
    Scenario: Compensation continues after a crash and undoes nothing twice
      Given "FileService.createFile" fails with "EACCES"
      And the orchestrator crashes during the compensation of step "createAgent"
      When the workflow runs
      Then it takes 575 ms
      When the orchestrator restarts
      Then it takes 125 ms
      And the workflow is rolled back
      And the error is "EACCES" from "FileService.createFile"
      And these compensations run in order:
        | AgentService.rollbackAgent             |
        | RoleService.rollbackRole               |
        | PersonalityService.rollbackPersonality |
      And "AgentService.rollbackAgent" is executed 2 times
      And "FileService.createFile" is executed 1 time
      And no effect happens twice
      And no effect remains
      And the outcome matches the snapshot

    @orchestration-13 @needs-json-schema
    Scenario Outline: After a crash <point> the compensation of <step> the next process undoes the rest
      Given "FileService.createFile" fails with "EACCES"
      And the orchestrator crashes <point> the compensation of step "<step>"
      When the workflow runs
      Then it takes <lost after>
      When the orchestrator restarts
      Then it takes <rest>
      And the workflow is rolled back
      And no effect happens twice
      And no effect remains

      Examples:
        | point  | step                | lost after | rest   |
        | before | createAgent         | 525 ms     | 125 ms |
        | during | createAgent         | 575 ms     | 125 ms |
        | after  | createAgent         | 575 ms     | 75 ms  |
        | before | validateRole        | 575 ms     | 75 ms  |
        | during | validateRole        | 600 ms     | 75 ms  |
        | after  | validateRole        | 600 ms     | 50 ms  |
        | before | validatePersonality | 600 ms     | 50 ms  |
        | during | validatePersonality | 650 ms     | 50 ms  |
        | after  | validatePersonality | 650 ms     | 0 ms   |

    @orchestration-13 @needs-json-schema
    Scenario: A step that a crash interrupted is undone if its second execution fails
      Given the orchestrator crashes during step "createAgent"
      And "AgentService.createAgent" answers:
        | execution | answer                     |
        | 2         | error AGENT_CREATION_ERROR |
      When the workflow runs
      And the orchestrator restarts
      Then the workflow is rolled back
      And it takes 325 ms
      And the error is "AGENT_CREATION_ERROR" from "AgentService.createAgent"
      And these compensations run in order:
        | AgentService.rollbackAgent             |
        | RoleService.rollbackRole               |
        | PersonalityService.rollbackPersonality |
      And no effect remains

    @orchestration-13 @needs-json-schema
    Scenario: A restart after a weekend still finishes the workflow
      Given the orchestrator crashes after step "createAgent"
      When the workflow runs
      And 48 h pass
      And the orchestrator restarts
      Then the workflow completes
      And it takes 75 ms
      And the outcome has:
        | path  | value     |
        | /took | 48 h 525 ms |
      And the timeline has, in order:
        | at        | event                  | status    |
        | 450 ms    | orchestrator_crashed   |           |
        | 48 h 450 ms | orchestrator_restarted |           |
        | 48 h 450 ms | workflow_resumed       | running   |
        | 48 h 525 ms | workflow_ended         | completed |

    @orchestration-13 @needs-json-schema
    Scenario: A service removed before the restart fails at the call, and the other steps are undone
      Given the orchestrator crashes after step "createAgent"
      When the workflow runs
      And "FileService" is removed
      And the orchestrator restarts
      Then the workflow is rolled back
      And the error is "SERVICE_NOT_FOUND" from "FileService.createFile"
      And these compensations run in order:
        | AgentService.rollbackAgent             |
        | RoleService.rollbackRole               |
        | PersonalityService.rollbackPersonality |
      And no effect remains

    @orchestration-13 @needs-json-schema
    Scenario: A run survives two crashes
      Given the orchestrator crashes during step "createAgent"
      And the orchestrator crashes before step "createFile"
      When the workflow runs
      Then it takes 450 ms
      When the orchestrator restarts
      Then it takes 200 ms
      When the orchestrator restarts
      Then it takes 75 ms
      And the workflow completes
      And "AgentService.createAgent" is executed 2 times
      And no effect happens twice

  Rule: Any workflow is finished after a crash

    Background:
      Given a service "Stock"
      And a service "Payments"
      And a service "Mail"
      And the workflow:
        """json
        {
          "id": "order",
          "steps": [
            { "id": "hold", "service": "Stock", "operation": "hold", "compensation": "Stock.release" },
            { "id": "charge", "service": "Payments", "operation": "charge", "compensation": "Payments.refund" },
            { "id": "thank", "service": "Mail", "operation": "send", "dependencies": ["hold"] }
          ]
        }
        """

    @orchestration-13
    Scenario: Parallel steps that a crash interrupted are both executed again
      Given "Stock.hold" takes 100 ms
      And "Payments.charge" takes 200 ms
      And "Mail.send" takes 50 ms
      And the orchestrator crashes during step "thank"
      When the workflow runs
      Then it takes 150 ms
      When the orchestrator restarts
      Then the workflow completes
      And it takes 200 ms
      And no effect happens twice
      And the calls are:
        | at     | call            | execution | took   | result |
        | 0 ms   | Stock.hold      | 1         | 100 ms | ok     |
        | 100 ms | Payments.charge | 1         | 50 ms  | CANCELLED |
        | 100 ms | Mail.send       | 1         | 50 ms  | ok     |
        | 150 ms | Payments.charge | 2         | 200 ms | ok     |
        | 150 ms | Mail.send       | 2         | 50 ms  | ok     |
      And the timeline has, in order:
        | at     | event  | operation | key            |
        | 100 ms | effect | hold      | order-1/hold   |
        | 150 ms | effect | send      | order-1/thank  |
        | 350 ms | effect | charge    | order-1/charge |

    @orchestration-13
    Scenario: All runs of the crashed process are finished
      Given "Stock.hold" takes 100 ms
      And the orchestrator crashes during step "hold"
      When the workflow runs 3 times at once
      Then it takes 100 ms
      When the orchestrator restarts
      Then the workflow completes
      And it takes 100 ms
      And no effect happens twice
      And "Stock.hold" is executed 6 times
      And "Payments.charge" is executed 3 times
      And the state of the workflow has:
        | path | value   |
        | /run | order-3 |

    @orchestration-13
    Scenario: A new process starts with closed circuit breakers
      Given a circuit breaker on "Payments" opening after 1 failure for 1 h
      And the workflow keeps on failure
      And "Payments.charge" fails 1 time with "CONNECTION_REFUSED"
      When the workflow runs
      Then the workflow is interrupted
      And the circuit breaker on "Payments" is open
      When the orchestrator restarts
      Then the circuit breaker on "Payments" is closed

    @orchestration-13 @resilience-8
    Scenario: A new process applies the bulkheads
      Given a bulkhead of 1 call on "Payments"
      And "Stock.hold" takes 100 ms
      And "Payments.charge" takes 50 ms
      And the orchestrator crashes during step "hold"
      When the workflow runs 3 times at once
      And the orchestrator restarts
      Then the workflow completes
      And it takes 250 ms
      And at most 1 call to "Payments" run at once

    @orchestration-13 @resilience-3
    Scenario: A new process calls a service whose breaker was open before the crash
      Given a circuit breaker on "Payments" opening after 1 failure for 1 h
      And "Payments.charge" fails 1 time with "PERMANENT_ERROR"
      And the orchestrator crashes during step "charge"
      When the workflow runs
      Then the circuit breaker on "Payments" is open
      When the orchestrator restarts
      Then the workflow completes
      And "Payments.charge" is executed 2 times
      And the circuit breaker on "Payments" is closed

    @orchestration-13 @resilience-4
    Scenario: A new process applies the same circuit breakers
      Given a circuit breaker on "Payments" opening after 1 failure for 1 h
      And the orchestrator crashes before step "charge"
      And "Payments.charge" fails with "CONNECTION_REFUSED"
      When the workflow runs
      And the orchestrator restarts
      Then the workflow is rolled back
      And the circuit breaker on "Payments" is open

    @orchestration-13
    Scenario: A step that had not started before the crash is not undone when it fails
      Given the orchestrator crashes before step "charge"
      And "Payments.charge" fails with "CARD_DECLINED"
      When the workflow runs
      And the orchestrator restarts
      Then the workflow is rolled back
      And "Payments.charge" is executed 1 time
      And these compensations run in order:
        | Stock.release |

    @orchestration-13
    Scenario: A step that is executed again gets its first reply
      Given the orchestrator crashes during step "charge"
      And "Payments.charge" answers:
        | execution | answer                    |
        | 1         | reply {"id": "payment-1"} |
        | 2         | reply {"id": "payment-2"} |
      When the workflow runs
      And the orchestrator restarts
      Then the workflow completes
      And the outcome has:
        | path            | value     |
        | /data/charge/id | payment-1 |
      When "Payments.charge" is called
      Then the reply is:
        """json
        {}
        """

    @orchestration-13
    Scenario: A restart during a call executes the call again and finishes the workflow
      Given "Stock.hold" takes 100 ms
      When the workflow starts
      And 50 ms pass
      And the orchestrator restarts
      Then the workflow completes
      And it takes 100 ms
      When 1 h passes
      Then the calls are:
        | at     | call            | execution | took   | result |
        | 0 ms   | Stock.hold      | 1         | 50 ms  | CANCELLED |
        | 50 ms  | Stock.hold      | 2         | 100 ms | ok     |
        | 150 ms | Payments.charge | 1         | 0 ms   | ok     |
        | 150 ms | Mail.send       | 1         | 0 ms   | ok     |

    @orchestration-13
    Scenario: A resumed run is finished after a crash, and ended runs are not touched
      Given "Mail.send" fails 1 time with "MAILBOX_FULL"
      And "Stock.hold" takes 100 ms
      And the workflow keeps on failure
      When the workflow runs
      Then the workflow is interrupted
      Given the orchestrator crashes after step "thank"
      When 1 h passes
      And the workflow resumes
      And 1 h passes
      Then the state of the workflow has:
        | path       | value                       |
        | /status    | running                     |
        | /elapsed   | 2 h 100 ms                  |
        | /completed | ["hold", "charge", "thank"] |
      When the orchestrator restarts
      Then the workflow completes
      And it takes 0 ms
      And "Mail.send" is executed 2 times
      When the workflow runs
      Then the workflow completes
      And the outcome has:
        | path | value   |
        | /run | order-2 |
      Given the orchestrator crashes before step "hold"
      When the workflow runs
      And the orchestrator restarts
      Then the workflow completes
      And the outcome has:
        | path | value   |
        | /run | order-3 |
      And "Stock.hold" is executed 3 times

    @orchestration-13
    Scenario: Nothing in a crashed process continues
      Given "Stock.hold" takes 100 ms
      And "Payments.charge" takes 50 ms
      And "Payments.charge" is retried up to 5 times
      And "Payments.charge" fails 2 times with "CONNECTION_RESET"
      When the workflow starts
      And 120 ms pass
      Given the orchestrator crashes before step "hold"
      When the workflow runs as "order-of-ada"
      And 1 h passes
      Then "Payments.charge" is executed 1 time
      When the orchestrator restarts
      Then the workflow completes
      And it takes 200 ms
      And no effect happens twice
      And the calls are:
        | at        | call            | execution | took   | result           |
        | 0 ms      | Stock.hold      | 1         | 100 ms | ok               |
        | 100 ms    | Payments.charge | 1         | 20 ms  | CANCELLED        |
        | 100 ms    | Mail.send       | 1         | 0 ms   | ok               |
        | 1h 120 ms | Payments.charge | 2         | 50 ms  | CONNECTION_RESET |
        | 1h 120 ms | Stock.hold      | 2         | 100 ms | ok               |
        | 1h 220 ms | Payments.charge | 3         | 50 ms  | ok               |
        | 1h 220 ms | Mail.send       | 2         | 0 ms   | ok               |
        | 1h 270 ms | Payments.charge | 4         | 50 ms  | ok               |

    @orchestration-13
    Scenario: A restart finishes all runs of the replaced process
      Given "Payments.charge" takes 50 ms
      And "Payments.charge" is retried up to 5 times
      And "Payments.charge" fails 2 times with "CONNECTION_RESET"
      When the workflow starts
      And 20 ms pass
      And the workflow starts
      And 20 ms pass
      And the orchestrator restarts
      Then the workflow completes
      And it takes 50 ms
      When 1 h passes
      Then no effect happens twice
      And "Payments.charge" is executed 4 times

    @orchestration-13 @needs-sqlite
    Scenario: A restart finishes all runs in the replaced process's journal file
      Given "Payments.charge" takes 50 ms
      And the journal is kept in a file
      When the workflow starts
      And 20 ms pass
      And the workflow starts
      And 20 ms pass
      And the orchestrator restarts
      Then the workflow completes
      And it takes 50 ms
      And "Payments.charge" is executed 4 times

    @orchestration-13 @needs-sqlite
    Scenario: A journal that spans years can be read
      Given the journal is kept in a file
      And "Mail.send" fails 1 time with "MAILBOX_FULL"
      And the workflow keeps on failure
      When 8000 h pass
      And the workflow runs
      Then the workflow is interrupted
      When 8000 h pass
      And the workflow resumes
      Then the workflow completes
      Given the orchestrator crashes after step "hold"
      When the workflow runs
      And the orchestrator restarts
      Then the workflow completes

  Rule: Randomness survives a crash

    @orchestration-13 @resilience-2
    Scenario: The next process uses the same seed
      Given the seed 7
      And a service "Search"
      And the workflow:
        """json
        {
          "id": "report",
          "steps": [
            { "id": "open", "service": "Search", "operation": "open" },
            { "id": "find", "service": "Search", "operation": "find", "retry": "coordination-jittered" }
          ]
        }
        """
      And "Search.find" fails with "NETWORK_TIMEOUT"
      And the orchestrator crashes before step "find"
      When the workflow runs
      And the orchestrator restarts
      Then the workflow is rolled back
      And "Search.find" waits "87 ms, 246 ms, 426 ms" between executions
