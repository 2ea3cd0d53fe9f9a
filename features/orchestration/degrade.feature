Feature: Workflows that degrade
  A step that fails for good need not stop all else. A workflow that degrades finishes what does not depend on it,
  defers the rest, and resumes the step later: at set times after its failure, and as soon as its service is back.

  Background:
    Given a service "PersonalityService"
    And a service "RoleService"
    And a service "AgentService"
    And a service "FileService"
    And a service "ValidationService"
    And "PersonalityService.validate" takes 150 ms
    And "RoleService.validate" takes 100 ms
    And "FileService.persist" takes 75 ms
    And "ValidationService.validate" takes 100 ms
    And the workflow:
      """json
      {
        "id": "agent",
        "onFailure": "degrade",
        "degrade": { "resumeAfter": ["60s", "300s", "900s"] },
        "steps": [
          { "id": "validatePersonality", "service": "PersonalityService", "operation": "validate", "compensation": "revert" },
          { "id": "validateRole", "service": "RoleService", "operation": "validate", "compensation": "revert" },
          { "id": "createAgent", "service": "AgentService", "operation": "create", "compensation": "delete" },
          { "id": "persistConfiguration", "service": "FileService", "operation": "persist", "compensation": "delete" },
          { "id": "validateConsistency", "service": "ValidationService", "operation": "validate" }
        ]
      }
      """

  @orchestration-7
  Scenario: The service of a step is down, and comes back after 100 seconds
    Given "AgentService" is down
    When the workflow starts
    And 1 s passes
    Then the workflow is partially successful
    And the error is "SERVICE_UNAVAILABLE" from "AgentService.create"
    And the outcome has:
      | path                   | value                                   |
      | /status                | partially_successful                    |
      | /took                  | 1 s                                     |
      | /steps/1/status        | completed                               |
      | /steps/2/status        | failed                                  |
      | /steps/2/error/code    | SERVICE_UNAVAILABLE                     |
      | /steps/2/resumesAt     | 60 s 250 ms                             |
      | /steps/3/status        | deferred                                |
      | /steps/3/resumesAt     |                                         |
      | /deferred/0/step       | persistConfiguration                    |
      | /deferred/0/dependsOn  | ["createAgent"]                         |
      | /deferred/1/step       | validateConsistency                     |
      | /deferred/1/dependsOn  | ["createAgent"]                         |
      | /deferred/2            |                                         |
    And the state of the workflow has:
      | path                | value                                           |
      | /status             | partially_successful                            |
      | /completed          | ["validatePersonality", "validateRole"]         |
      | /failed             | ["createAgent"]                                 |
      | /deferred           | ["persistConfiguration", "validateConsistency"] |
      | /pending            | []                                              |
      | /resumptions/0/step | createAgent                                     |
      | /resumptions/0/at   | 60 s 250 ms                                     |
    And no compensation runs
    When 99 s pass
    And "AgentService" comes back
    And the workflow ends
    Then the workflow completes
    And it takes 175 ms
    And "AgentService.create" is executed 3 times
    And the steps run in this order:
      | validatePersonality  |
      | validateRole         |
      | createAgent          |
      | persistConfiguration |
      | validateConsistency  |
    And the outcome has:
      | path               | value        |
      | /took              | 100 s 175 ms |
      | /error             |              |
      | /deferred          |              |
      | /steps/2/error     |              |
      | /steps/2/took      | 0 ms         |
      | /steps/2/resumesAt |              |
    And the timeline has, in order:
      | at           | event          | step                 | status    | about       | message                                                                                                          |
      | 250 ms       | step_ended     | createAgent          | failed    |             |                                                                                                                  |
      | 250 ms       | warning        |                      |           | createAgent | it failed with SERVICE_UNAVAILABLE, and is resumed at 1 min 250 ms, or as soon as its service is back |
      | 250 ms       | step_deferred  | persistConfiguration | deferred  |             |                                                                                                                  |
      | 250 ms       | step_deferred  | validateConsistency  | deferred  |             |                                                                                                                  |
      | 60 s 250 ms  | step_ended     | createAgent          | failed    |             |                                                                                                                  |
      | 100 s        | step_ended     | createAgent          | completed |             |                                                                                                                  |
      | 100 s 75 ms  | step_ended     | persistConfiguration | completed |             |                                                                                                                  |
      | 100 s 175 ms | step_ended     | validateConsistency  | completed |             |                                                                                                                  |
      | 100 s 175 ms | workflow_ended |                      | completed |             |                                                                                                                  |
    And no effect happens twice

  Rule: The schedule counts from the first failure

    @orchestration-7
    Scenario Outline: A step that fails <times> times has succeeded after <after>
      Given "AgentService.create" fails <times> times with "SERVICE_UNAVAILABLE"
      When the workflow runs
      Then the workflow completes
      And the outcome has:
        | path  | value  |
        | /took | <took> |
      And "AgentService.create" is executed <executions> times
      And the timeline has, in order:
        | at           | event          | step                 | status    |
        | 250 ms       | step_ended     | createAgent          | failed    |
        | <after>      | step_started   | createAgent          | running   |
        | <after>      | step_ended     | createAgent          | completed |
        | <after>      | step_started   | persistConfiguration | running   |
        | <took>       | workflow_ended |                      | completed |
      And no effect happens twice

      Examples:
        | times | after        | took         | executions |
        | 1     | 60 s 250 ms  | 60 s 425 ms  | 2          |
        | 2     | 300 s 250 ms | 300 s 425 ms | 3          |
        | 3     | 900 s 250 ms | 900 s 425 ms | 4          |

    @orchestration-7
    Scenario Outline: After its last resumption a step that fails with <code> again has failed for ever
      Given "AgentService.create" fails 4 times with "<code>"
      When the workflow runs
      Then the workflow is partially successful
      And it takes 900250 ms
      And the error is "<code>" from "AgentService.create"
      And the calls are:
        | at           | call                        |
        | 0 ms         | PersonalityService.validate |
        | 150 ms       | RoleService.validate        |
        | 250 ms       | AgentService.create         |
        | 60 s 250 ms  | AgentService.create         |
        | 300 s 250 ms | AgentService.create         |
        | 900 s 250 ms | AgentService.create         |
      And no compensation runs
      And the outcome has:
        | path                  | value                |
        | /steps/2/resumesAt    |                      |
        | /steps/3/status       | deferred             |
        | /deferred/0/step      | persistConfiguration |
        | /deferred/0/dependsOn | ["createAgent"]      |
      And the timeline has, in order:
        | at           | event          | status               | message                                                |
        | 900 s 250 ms | warning        |                      | it failed with <code>, and is not resumed |
        | 900 s 250 ms | workflow_ended | partially_successful |                                                        |
      When the workflow resumes
      Then the workflow completes
      And it takes 175 ms
      And no effect happens twice

      Examples:
        | code                |
        | SERVICE_UNAVAILABLE |
        | CONNECTION_RESET    |

    @orchestration-7 @orchestration-13
    Scenario: A run that is resumed has nothing deferred, also after a crash
      Given "AgentService.create" fails 1 time with "PERMANENT_ERROR"
      And the orchestrator crashes before step "createAgent" on its 2nd execution
      When the workflow runs
      Then the workflow is partially successful
      When the workflow resumes
      Then the state of the workflow has:
        | path         | value                                           |
        | /status      | running                                         |
        | /pending     | ["persistConfiguration", "validateConsistency"] |
        | /deferred    | []                                              |
        | /resumptions | []                                              |
      When the orchestrator restarts
      Then the workflow completes
      And no effect happens twice

    @orchestration-7
    Scenario: Without a schedule of its own, a workflow resumes after 60, 300 and 900 seconds
      Given the workflow:
        """json
        { "id": "one", "steps": [ { "id": "createAgent", "service": "AgentService", "operation": "create" } ] }
        """
      And the workflow degrades on failure
      And "AgentService.create" fails 3 times with "SERVICE_UNAVAILABLE"
      When the workflow runs
      Then the workflow completes
      And the calls are:
        | at    | call                |
        | 0 ms  | AgentService.create |
        | 60 s  | AgentService.create |
        | 300 s | AgentService.create |
        | 900 s | AgentService.create |

    @orchestration-7
    Scenario: The retry policy of the call applies to each resumption
      Given "AgentService.create" is retried up to 1 time
      And "AgentService.create" fails 3 times with "SERVICE_UNAVAILABLE"
      When the workflow runs
      Then the workflow completes
      And the calls are:
        | at          | call                        |
        | 0 ms        | PersonalityService.validate |
        | 150 ms      | RoleService.validate        |
        | 250 ms      | AgentService.create         |
        | 350 ms      | AgentService.create         |
        | 60 s 350 ms | AgentService.create         |
        | 60 s 450 ms | AgentService.create         |
        | 60 s 450 ms | FileService.persist         |
        | 60 s 525 ms | ValidationService.validate  |

  Rule: A service that was away is not waited for longer than it takes

    @orchestration-7
    Scenario Outline: A service that is <away> is called as soon as it can be
      Given every call times out after 1 s
      And "AgentService" is <away> for 100 s
      When the workflow runs
      Then the workflow completes
      And it takes 100175 ms
      And "AgentService.create" is executed 3 times

      Examples:
        | away                        |
        | down                        |
        | cut off from "orchestrator" |

    @orchestration-7
    Scenario: A partition that heals has the step resumed at once
      Given every call times out after 1 s
      And "AgentService" is cut off from "orchestrator"
      When the workflow starts
      And 10 s pass
      Then the workflow is partially successful
      When "AgentService" reaches "orchestrator" again
      And the workflow ends
      Then the workflow completes
      And it takes 175 ms

    @orchestration-7
    Scenario: A service that comes back and goes down again keeps the schedule
      Given "AgentService" is down for 100 s
      When the workflow starts
      And 30 s pass
      And "AgentService" comes back
      And "AgentService" goes down
      And 20 s pass
      Then the workflow is partially successful
      And "AgentService.create" is executed 1 time
      When 20 s pass
      Then "AgentService.create" is executed 2 times
      When "AgentService" comes back
      And the workflow ends
      Then the workflow completes

  Rule: The schedule is in the journal

    @orchestration-7 @orchestration-13
    Scenario: A process lost between the partial success and a resumption goes on with the schedule
      Given "AgentService" is down
      When the workflow starts
      And 200 s pass
      And the orchestrator crashes
      And the orchestrator restarts
      Then the workflow is partially successful
      And the calls are:
        | at           | call                        |
        | 0 ms         | PersonalityService.validate |
        | 150 ms       | RoleService.validate        |
        | 250 ms       | AgentService.create         |
        | 60 s 250 ms  | AgentService.create         |
        | 300 s 250 ms | AgentService.create         |
        | 900 s 250 ms | AgentService.create         |

    @needs-sqlite @orchestration-7 @orchestration-13
    Scenario: A schedule that is kept in a file is neither renewed nor repeated
      Given the journal is kept in a file
      And "AgentService" is down
      When the workflow starts
      And 200 s pass
      And the orchestrator crashes
      And the orchestrator restarts
      Then the workflow is partially successful
      And the calls are:
        | at           | call                        |
        | 0 ms         | PersonalityService.validate |
        | 150 ms       | RoleService.validate        |
        | 250 ms       | AgentService.create         |
        | 60 s 250 ms  | AgentService.create         |
        | 300 s 250 ms | AgentService.create         |
        | 900 s 250 ms | AgentService.create         |

    @orchestration-7 @orchestration-13
    Scenario: Resumptions that were missed are not made up for
      Given "AgentService" is down
      When the workflow starts
      And 30 s pass
      And the orchestrator crashes
      And 400 s pass
      And the orchestrator restarts
      Then the workflow is partially successful
      And the calls are:
        | at           | call                        |
        | 0 ms         | PersonalityService.validate |
        | 150 ms       | RoleService.validate        |
        | 250 ms       | AgentService.create         |
        | 430 s        | AgentService.create         |
        | 900 s 250 ms | AgentService.create         |

    @orchestration-7 @orchestration-13
    Scenario: A service that comes back while no orchestrator is there is called after the restart
      Given "AgentService" is down
      When the workflow starts
      And 30 s pass
      And the orchestrator crashes
      And "AgentService" comes back
      And 10 s pass
      And the orchestrator restarts
      Then the workflow completes
      And it takes 175 ms
      And "AgentService.create" is executed 2 times

    @orchestration-7 @orchestration-13
    Scenario Outline: A crash <point> step "<step>", while it is resumed or after that
      Given "AgentService.create" fails 1 time with "SERVICE_UNAVAILABLE"
      And the orchestrator crashes <point> step "<step>" on its <execution> execution
      When the workflow runs
      And the orchestrator restarts
      Then the workflow completes
      And "AgentService.create" is executed <times> times
      And no effect happens twice

      Examples:
        | point                   | step                 | execution | times |
        | during                  | createAgent          | 1st       | 2     |
        | after                   | createAgent          | 1st       | 2     |
        | before                  | createAgent          | 2nd       | 2     |
        | before the service acts in | createAgent       | 1st       | 3     |
        | after the service acts in | createAgent        | 1st       | 3     |
        | during                  | createAgent          | 2nd       | 3     |
        | after                   | createAgent          | 2nd       | 2     |
        | before                  | persistConfiguration | 1st       | 2     |
        | during                  | persistConfiguration | 1st       | 2     |
        | after                   | validateConsistency  | 1st       | 2     |

  Rule: What a resumption cannot mend is not resumed

    @orchestration-7
    Scenario: A step that fails for good is not resumed, and what depends on it stays deferred
      Given "AgentService.create" fails with "PERMANENT_ERROR"
      When the workflow runs
      Then the workflow is partially successful
      And it takes 250 ms
      And "AgentService.create" is executed 1 time
      And the outcome has:
        | path                  | value                |
        | /error/code           | PERMANENT_ERROR      |
        | /steps/2/resumesAt    |                      |
        | /deferred/0/step      | persistConfiguration |
        | /deferred/0/dependsOn | ["createAgent"]      |

    @orchestration-7
    Scenario: A wait that ends in vain is not waited for again
      Given the workflow:
        """json
        {
          "id": "one", "onFailure": "degrade",
          "steps": [
            { "id": "release", "approval": { "for": "a release", "timeout": "10s" } },
            { "id": "create", "service": "AgentService", "operation": "create" },
            { "id": "persist", "service": "FileService", "operation": "persist", "dependencies": [] }
          ]
        }
        """
      When the workflow runs
      Then the workflow is partially successful
      And it takes 10 s
      And "AgentService.create" is never executed
      And "FileService.persist" is executed 1 time

    @orchestration-7 @orchestration-14
    Scenario: Nothing is resumed past the deadline
      Given the workflow must finish within 100 s
      And "AgentService.create" fails 2 times with "SERVICE_UNAVAILABLE"
      When the workflow runs
      Then the workflow is partially successful
      And it takes 60250 ms
      And "AgentService.create" is executed 2 times

  Rule: All else is finished

    @orchestration-7
    Scenario: A step that depends on two that failed runs after both
      Given the workflow:
        """json
        {
          "id": "two", "onFailure": "degrade",
          "steps": [
            { "id": "agent", "service": "AgentService", "operation": "create", "dependencies": [] },
            { "id": "role", "service": "RoleService", "operation": "create", "dependencies": [] },
            { "id": "file", "service": "FileService", "operation": "persist", "dependencies": ["agent", "role"] },
            { "id": "audit", "service": "ValidationService", "operation": "validate", "dependencies": [] }
          ]
        }
        """
      And "AgentService.create" fails 1 time with "SERVICE_UNAVAILABLE"
      And "RoleService.create" fails 2 times with "CONNECTION_REFUSED"
      When the workflow starts
      And 70 s pass
      Then the workflow is partially successful
      And the error is "CONNECTION_REFUSED" from "RoleService.create"
      And the outcome has:
        | path                  | value     |
        | /deferred/0/step      | file      |
        | /deferred/0/dependsOn | ["role"]  |
        | /steps/3/status       | completed |
      When the workflow ends
      Then the workflow completes
      And the calls are:
        | at     | call                       |
        | 0 ms   | AgentService.create        |
        | 0 ms   | RoleService.create         |
        | 0 ms   | ValidationService.validate |
        | 60 s   | AgentService.create        |
        | 60 s   | RoleService.create         |
        | 300 s  | RoleService.create         |
        | 300 s  | FileService.persist        |

    @orchestration-7
    Scenario: A resumption waits until fewer steps run at once
      Given the workflow:
        """json
        {
          "id": "narrow", "onFailure": "degrade", "maxParallel": 1,
          "steps": [
            { "id": "agent", "service": "AgentService", "operation": "create", "dependencies": [] },
            { "id": "audit", "service": "ValidationService", "operation": "audit", "dependencies": [] }
          ]
        }
        """
      And "AgentService.create" fails 1 time with "SERVICE_UNAVAILABLE"
      And "ValidationService.audit" takes 2 min
      And every call times out after 5 min
      When the workflow runs
      Then the workflow completes
      And the calls are:
        | at    | call                    |
        | 0 ms  | AgentService.create     |
        | 0 ms  | ValidationService.audit |
        | 2 min | AgentService.create     |

    @orchestration-6 @orchestration-7
    Scenario: A workflow whose optional step failed too is degraded in the end
      Given the workflow:
        """json
        {
          "id": "two", "onFailure": "degrade",
          "steps": [
            { "id": "agent", "service": "AgentService", "operation": "create" },
            { "id": "audit", "service": "ValidationService", "operation": "validate", "optional": true },
            { "id": "file", "service": "FileService", "operation": "persist" }
          ]
        }
        """
      And "AgentService.create" fails 1 time with "SERVICE_UNAVAILABLE"
      And "ValidationService.validate" fails 1 time with "SERVICE_UNAVAILABLE"
      When the workflow starts
      And 1 s passes
      Then the workflow is partially successful
      When the workflow ends
      Then the workflow is degraded
      And "ValidationService.validate" is executed 1 time

    @orchestration-7
    Scenario: A step that recovers is not resumed
      Given the workflow:
        """json
        {
          "id": "one", "onFailure": "degrade",
          "steps": [ { "id": "agent", "service": "AgentService", "operation": "create", "recover": ["draft"] } ]
        }
        """
      And "AgentService.create" fails with "SERVICE_UNAVAILABLE"
      When the workflow runs
      Then the workflow completes
      And it takes 0 ms
      And "AgentService.create" is executed 1 time

    @orchestration-7 @orchestration-22
    Scenario: A wait goes on beside the schedule
      Given the workflow:
        """json
        {
          "id": "two", "onFailure": "degrade",
          "steps": [
            { "id": "agent", "service": "AgentService", "operation": "create", "dependencies": [] },
            { "id": "pause", "wait": "200s", "dependencies": [] },
            { "id": "file", "service": "FileService", "operation": "persist", "dependencies": ["agent", "pause"] }
          ]
        }
        """
      And "AgentService.create" fails 1 time with "SERVICE_UNAVAILABLE"
      When the workflow runs
      Then the workflow completes
      And it takes 200075 ms
      And the timeline has, in order:
        | at    | event        | step  | status    |
        | 0 ms  | step_ended   | agent | failed    |
        | 60 s  | step_ended   | agent | completed |
        | 200 s | step_ended   | pause | completed |
        | 200 s | step_started | file  | running   |

  Rule: Calling off

    @orchestration-7 @orchestration-15
    Scenario: A workflow that is cancelled while steps are deferred is undone
      Given "AgentService" is down
      When the workflow starts
      And 1 s passes
      And cancellation is requested
      And the workflow ends
      Then the workflow is cancelled
      And it takes 0 ms
      And "AgentService.create" is executed 1 time
      And these compensations run in order:
        | RoleService.revert        |
        | PersonalityService.revert |
      And the timeline has, in order:
        | at  | event          | step                 | status    |
        | 1 s | step_skipped   | persistConfiguration | skipped   |
        | 1 s | step_skipped   | validateConsistency  | skipped   |
        | 1 s | workflow_ended |                      | cancelled |

    @orchestration-7 @orchestration-26
    Scenario: A workflow that has ended partially successful can be called off
      Given "AgentService.create" fails with "PERMANENT_ERROR"
      When the workflow runs
      Then the workflow is partially successful
      When cancellation is requested
      Then the workflow is cancelled
      And these compensations run in order:
        | RoleService.revert        |
        | PersonalityService.revert |

    @orchestration-7 @orchestration-23
    Scenario: Behind the pivot no deadline ends the schedule
      Given the workflow:
        """json
        {
          "id": "order", "onFailure": "degrade", "deadline": "10s",
          "steps": [
            { "id": "charge", "service": "RoleService", "operation": "charge", "pivot": true, "compensation": "refund" },
            { "id": "ship", "service": "AgentService", "operation": "ship" }
          ]
        }
        """
      And "AgentService.ship" fails 1 time with "SERVICE_UNAVAILABLE"
      When the workflow runs
      Then the workflow completes
      And it takes 60 s

  Rule: Workflows within

    @orchestration-7 @orchestration-19
    Scenario: A workflow within degrades and completes, and so does the one around it
      Given the workflow:
        """json
        {
          "id": "parent",
          "steps": [
            { "id": "agent", "workflow": "agent" },
            { "id": "notify", "service": "RoleService", "operation": "notify" }
          ]
        }
        """
      And "AgentService.create" fails 2 times with "SERVICE_UNAVAILABLE"
      When the workflow starts
      And 100 s pass
      Then the state of run "parent-1/agent" has:
        | path              | value                |
        | /status           | partially_successful |
        | /resumptions/0/at | 300 s 250 ms         |
      And the state of the workflow has:
        | path     | value     |
        | /status  | running   |
        | /current | ["agent"] |
      When the workflow ends
      Then the workflow completes
      And the outcome has:
        | path  | value        |
        | /took | 300 s 425 ms |

    @orchestration-7 @orchestration-19
    Scenario: What a workflow within keeps is undone when the one around it fails
      Given the workflow:
        """json
        { "id": "parent", "steps": [ { "id": "agent", "workflow": "agent" } ] }
        """
      And "AgentService.create" fails with "PERMANENT_ERROR"
      When the workflow runs
      Then the workflow is rolled back
      And the error is "PERMANENT_ERROR" from "AgentService.create"
      And these compensations run in order:
        | RoleService.revert        |
        | PersonalityService.revert |

    @orchestration-7 @orchestration-19
    Scenario: A workflow within that undoes itself is run again by one that degrades
      Given the workflow:
        """json
        {
          "id": "within",
          "steps": [
            { "id": "role", "service": "RoleService", "operation": "create", "compensation": "delete" },
            { "id": "agent", "service": "AgentService", "operation": "create" }
          ]
        }
        """
      And the workflow:
        """json
        {
          "id": "parent", "onFailure": "degrade",
          "steps": [
            { "id": "both", "workflow": "within" },
            { "id": "file", "service": "FileService", "operation": "persist" }
          ]
        }
        """
      And "AgentService" is down for 100 s
      When the workflow runs
      Then the workflow completes
      And it takes 100075 ms
      And "RoleService.create" is executed 3 times
      And "RoleService.delete" is executed 2 times
      And these effects remain:
        | call                | key                  | times |
        | RoleService.create  | parent-1/both~3/role | 1     |
        | AgentService.create | parent-1/both~3/agent | 1    |
        | FileService.persist | parent-1/file        | 1     |

    @orchestration-7 @orchestration-19
    Scenario: Cancelling the one around undoes a workflow within that has deferred steps
      Given the workflow:
        """json
        { "id": "parent", "steps": [ { "id": "agent", "workflow": "agent" } ] }
        """
      And "AgentService" is down
      When the workflow starts
      And 1 s passes
      And cancellation is requested
      And the workflow ends
      Then the workflow is cancelled
      And these compensations run in order:
        | RoleService.revert        |
        | PersonalityService.revert |

  Rule: Faulty definitions

    @orchestration-7 @orchestration-11
    Scenario Outline: <fault> is refused before any call
      Given the workflow:
        """json
        { "id": "one", <definition>, "steps": [ { "id": "agent", "service": "AgentService", "operation": "create" } ] }
        """
      When the workflow runs
      Then the workflow is refused with "INVALID_WORKFLOW"
      And the refusal names "<pointer>" and says "<text>"
      And "AgentService.create" is never executed

      Examples:
        | fault                             | definition                                                                      | pointer                | text                          |
        | A schedule without degrading      | "degrade": {}                                                                   | /degrade               | only a workflow with          |
        | A schedule of one that keeps      | "onFailure": "keep", "degrade": { "resumeAfter": ["1s"] }                       | /degrade               | only a workflow with          |
        | An empty schedule                 | "onFailure": "degrade", "degrade": { "resumeAfter": [] }                        | /degrade/resumeAfter   | expected at least one         |
        | A resumption after no time        | "onFailure": "degrade", "degrade": { "resumeAfter": ["0s", "1s"] }              | /degrade/resumeAfter/0 | 0 ms is not after 0 ms        |
        | A schedule that does not rise     | "onFailure": "degrade", "degrade": { "resumeAfter": ["60s", "60s"] }            | /degrade/resumeAfter/1 | 1 min is not after 1 min      |
        | A schedule that falls             | "onFailure": "degrade", "degrade": { "resumeAfter": ["1s", "60s", "5s"] }       | /degrade/resumeAfter/2 | 5 s is not after 1 min        |
        | A second try of a parallel group  | "onFailure": "degrade", "onParallelFailure": "sequential"                       | /onParallelFailure     | resumes what failed later     |
