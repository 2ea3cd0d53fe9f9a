Feature: Parallel steps
  Steps that do not depend on each other run in parallel, up to the limit of the
  workflow.

  Rule: A step starts as soon as its dependencies are done

    @orchestration-8 @needs-json-schema
    Scenario: Three independent checks run in parallel and the fourth step after them
      Given the services from "agent-platform"
      And the workflow:
        """json
        {
          "id": "coordination",
          "steps": [
            {
              "id": "personality", "service": "PersonalityService", "operation": "batchValidatePersonalities", "dependencies": [],
              "input": { "items": ["creative-mentor", "patient-mentor"] }
            },
            {
              "id": "role", "service": "RoleService", "operation": "batchValidateRoles", "dependencies": [],
              "input": { "items": ["software-mentor"] }
            },
            { "id": "model", "service": "ModelService", "operation": "validateCompatibility", "dependencies": [] },
            {
              "id": "unify", "service": "ConfigurationService", "operation": "createUnifiedConfiguration",
              "dependencies": ["personality", "role", "model"]
            }
          ]
        }
        """
      When the workflow runs
      Then the workflow completes
      And it takes 450 ms
      And the steps run in this order:
        | model       |
        | role        |
        | personality |
        | unify       |
      And the calls are:
        | at     | call                                            | took   |
        | 0 ms   | PersonalityService.batchValidatePersonalities   | 200 ms |
        | 0 ms   | RoleService.batchValidateRoles                  | 180 ms |
        | 0 ms   | ModelService.validateCompatibility              | 160 ms |
        | 200 ms | ConfigurationService.createUnifiedConfiguration | 250 ms |

    @orchestration-10
    Scenario: The last step of a diamond waits for both branches
      Given a service "Worker"
      And "Worker.b" takes 200 ms
      And "Worker.a" takes 100 ms
      And "Worker.c" takes 50 ms
      And "Worker.d" takes 10 ms
      And the workflow:
        """json
        {
          "id": "diamond",
          "steps": [
            { "id": "A", "service": "Worker", "operation": "a", "dependencies": [] },
            { "id": "B", "service": "Worker", "operation": "b", "dependencies": ["A"] },
            { "id": "C", "service": "Worker", "operation": "c", "dependencies": ["A"] },
            { "id": "D", "service": "Worker", "operation": "d", "dependencies": ["B", "C"] }
          ]
        }
        """
      When the workflow runs
      Then the workflow completes
      And it takes 310 ms
      And the steps run in this order:
        | A |
        | C |
        | B |
        | D |
      And the calls are:
        | at     | call     | took   |
        | 0 ms   | Worker.a | 100 ms |
        | 100 ms | Worker.b | 200 ms |
        | 100 ms | Worker.c | 50 ms  |
        | 300 ms | Worker.d | 10 ms  |

    @orchestration-10
    Scenario: A diamond declared in reverse runs in order of its dependencies
      Given a service "Worker"
      And "Worker.run" takes 100 ms
      And the workflow:
        """json
        {
          "id": "diamond",
          "steps": [
            { "id": "D", "service": "Worker", "operation": "run", "dependencies": ["B", "C"] },
            { "id": "C", "service": "Worker", "operation": "run", "dependencies": ["A"] },
            { "id": "B", "service": "Worker", "operation": "run", "dependencies": ["A"] },
            { "id": "A", "service": "Worker", "operation": "run", "dependencies": [] }
          ]
        }
        """
      When the workflow runs
      Then the workflow completes
      And it takes 300 ms
      And the steps run in this order:
        | A |
        | C |
        | B |
        | D |

    @orchestration-10
    Scenario: Steps that end at the same instant are recorded in order of declaration
      Given a service "Worker"
      And "Worker.quick" takes 100 ms
      And "Worker.slow" takes 200 ms
      And the workflow:
        """json
        {
          "id": "tie",
          "steps": [
            { "id": "first", "service": "Worker", "operation": "quick", "dependencies": [] },
            { "id": "next", "service": "Worker", "operation": "quick", "dependencies": ["first"], "compensation": "undoNext" },
            { "id": "slow", "service": "Worker", "operation": "slow", "dependencies": [], "compensation": "undoSlow" },
            { "id": "last", "service": "Worker", "operation": "refuse", "dependencies": ["next", "slow"] }
          ]
        }
        """
      And "Worker.refuse" fails with "PERMANENT_ERROR"
      When the workflow runs
      Then it takes 200 ms
      And the steps run in this order:
        | first |
        | next  |
        | slow  |
      And these compensations run in order:
        | Worker.undoSlow |
        | Worker.undoNext |

    @orchestration-10
    Scenario: A failure stops a step that would start at the same instant
      Given a service "Worker"
      And "Worker.check" takes 100 ms
      And "Worker.refuse" takes 100 ms
      And "Worker.refuse" fails with "PERMANENT_ERROR"
      And the workflow:
        """json
        {
          "id": "tie",
          "steps": [
            { "id": "good", "service": "Worker", "operation": "check", "dependencies": [] },
            { "id": "bad", "service": "Worker", "operation": "refuse", "dependencies": [] },
            { "id": "next", "service": "Worker", "operation": "build", "dependencies": ["good"] }
          ]
        }
        """
      When the workflow runs
      Then the workflow is rolled back
      And it takes 100 ms
      And "Worker.build" is never executed


  Rule: The number of parallel steps is limited

    @orchestration-9
    Scenario Outline: Five steps with at most <limit> in parallel take <time>
      Given a service "Worker"
      And "Worker.run" takes 100 ms
      And the workflow:
        """json
        {
          "id": "pool",
          "maxParallel": <limit>,
          "steps": [
            { "id": "one", "service": "Worker", "operation": "run", "dependencies": [] },
            { "id": "two", "service": "Worker", "operation": "run", "dependencies": [] },
            { "id": "three", "service": "Worker", "operation": "run", "dependencies": [] },
            { "id": "four", "service": "Worker", "operation": "run", "dependencies": [] },
            { "id": "five", "service": "Worker", "operation": "run", "dependencies": [] }
          ]
        }
        """
      When the workflow runs
      Then the workflow completes
      And it takes <time>
      And at most <limit> calls to "Worker" run at once
      And "Worker.run" is executed 5 times
      And the steps run in this order:
        | one   |
        | two   |
        | three |
        | four  |
        | five  |

      Examples:
        | limit | time   |
        | 1     | 500 ms |
        | 2     | 300 ms |
        | 3     | 200 ms |
        | 5     | 100 ms |

    @orchestration-9
    Scenario: A waiting step starts as soon as another ends
      Given a service "Worker"
      And "Worker.slow" takes 300 ms
      And "Worker.quick" takes 100 ms
      And the workflow:
        """json
        {
          "id": "pool",
          "maxParallel": 2,
          "steps": [
            { "id": "slow", "service": "Worker", "operation": "slow", "dependencies": [] },
            { "id": "one", "service": "Worker", "operation": "quick", "dependencies": [] },
            { "id": "two", "service": "Worker", "operation": "quick", "dependencies": [] },
            { "id": "three", "service": "Worker", "operation": "quick", "dependencies": [] }
          ]
        }
        """
      When the workflow runs
      Then it takes 300 ms
      And at most 2 calls to "Worker" run at once
      And the calls are:
        | at     | call         | execution |
        | 0 ms   | Worker.slow  | 1         |
        | 0 ms   | Worker.quick | 1         |
        | 100 ms | Worker.quick | 2         |
        | 200 ms | Worker.quick | 3         |

  Rule: Steps that fail in parallel can be retried sequentially

    Background:
      Given the services from "agent-platform"
      And the workflow:
        """json
        {
          "id": "coordination",
          "onParallelFailure": "sequential",
          "steps": [
            {
              "id": "personality", "service": "PersonalityService", "operation": "batchValidatePersonalities", "dependencies": [],
              "input": { "items": ["creative-mentor", "patient-mentor"] }
            },
            {
              "id": "role", "service": "RoleService", "operation": "batchValidateRoles", "dependencies": [],
              "input": { "items": ["software-mentor"] }
            },
            { "id": "model", "service": "ModelService", "operation": "validateCompatibility", "dependencies": [] },
            {
              "id": "unify", "service": "ConfigurationService", "operation": "createUnifiedConfiguration",
              "dependencies": ["personality", "role", "model"]
            }
          ]
        }
        """

    @orchestration-8 @needs-json-schema
    Scenario: A step that times out in parallel is retried, then run alone
      Given every call times out after 500 ms
      And every call is retried up to 1 time
      And "ModelService.validateCompatibility" hangs 2 times
      When the workflow runs
      Then the workflow completes
      And it takes 1510 ms
      And the calls are:
        | at      | call                                            | execution | took   | result  |
        | 0 ms    | PersonalityService.batchValidatePersonalities   | 1         | 200 ms | ok      |
        | 0 ms    | RoleService.batchValidateRoles                  | 1         | 180 ms | ok      |
        | 0 ms    | ModelService.validateCompatibility              | 1         | 500 ms | TIMEOUT |
        | 600 ms  | ModelService.validateCompatibility              | 2         | 500 ms | TIMEOUT |
        | 1100 ms | ModelService.validateCompatibility              | 3         | 160 ms | ok      |
        | 1260 ms | ConfigurationService.createUnifiedConfiguration | 1         | 250 ms | ok      |

    @orchestration-8 @needs-json-schema
    Scenario: Two failed parallel steps are retried in order of declaration
      Given "PersonalityService.batchValidatePersonalities" fails 1 time with "CONNECTION_RESET"
      And "ModelService.validateCompatibility" fails 1 time with "CONNECTION_RESET"
      When the workflow runs
      Then the workflow completes
      And it takes 810 ms
      And the calls are:
        | at     | call                                            | execution | result           |
        | 0 ms   | PersonalityService.batchValidatePersonalities   | 1         | CONNECTION_RESET |
        | 0 ms   | RoleService.batchValidateRoles                  | 1         | ok               |
        | 0 ms   | ModelService.validateCompatibility              | 1         | CONNECTION_RESET |
        | 200 ms | PersonalityService.batchValidatePersonalities   | 2         | ok               |
        | 400 ms | ModelService.validateCompatibility              | 2         | ok               |
        | 560 ms | ConfigurationService.createUnifiedConfiguration | 1         | ok               |
      And the steps run in this order:
        | role        |
        | personality |
        | model       |
        | unify       |
      And the outcome has:
        | path             | value     |
        | /steps/2/status  | completed |
        | /steps/2/took    | 560 ms    |
        | /steps/2/error   |           |

    @orchestration-8 @needs-json-schema
    Scenario: A step whose sequential retry fails is not retried again
      Given "ModelService.validateCompatibility" fails with "INVALID_MODEL"
      When the workflow runs
      Then the workflow is rolled back
      And it takes 360 ms
      And the error is "INVALID_MODEL" from "ModelService.validateCompatibility"
      And "ModelService.validateCompatibility" is executed 2 times
      And "ConfigurationService.createUnifiedConfiguration" is never executed

    @orchestration-8 @needs-json-schema
    Scenario: A failed sequential retry prevents the later ones
      Given "PersonalityService.batchValidatePersonalities" fails with "INVALID_MODEL"
      And "ModelService.validateCompatibility" fails 1 time with "CONNECTION_RESET"
      When the workflow runs
      Then the workflow is rolled back
      And it takes 400 ms
      And the error is "CONNECTION_RESET" from "ModelService.validateCompatibility"
      And "PersonalityService.batchValidatePersonalities" is executed 2 times
      And "ModelService.validateCompatibility" is executed 1 time

    @orchestration-8 @needs-json-schema
    Scenario: A step that failed alone is not retried
      Given "ConfigurationService.createUnifiedConfiguration" fails 1 time with "CONNECTION_RESET"
      When the workflow runs
      Then the workflow is rolled back
      And it takes 450 ms
      And "ConfigurationService.createUnifiedConfiguration" is executed 1 time

    @orchestration-6 @orchestration-8 @needs-json-schema
    Scenario: An optional step is not retried
      Given a service "Mail"
      And "Mail.announce" takes 50 ms
      And "Mail.announce" fails 1 time with "CONNECTION_RESET"
      And the workflow:
        """json
        {
          "id": "coordination",
          "onParallelFailure": "sequential",
          "steps": [
            { "id": "announce", "service": "Mail", "operation": "announce", "dependencies": [], "optional": true },
            { "id": "model", "service": "ModelService", "operation": "validateCompatibility", "dependencies": [] }
          ]
        }
        """
      When the workflow runs
      Then the workflow is degraded
      And it takes 160 ms
      And "Mail.announce" is executed 1 time

    @orchestration-8 @orchestration-15 @needs-json-schema
    Scenario: A cancelled run has no sequential retries
      Given "ModelService.validateCompatibility" fails 1 time with "CONNECTION_RESET"
      When the workflow starts
      And 100 ms pass
      And cancellation is requested
      And the workflow ends
      Then the workflow is cancelled
      And it takes 100 ms
      And "ModelService.validateCompatibility" is executed 1 time
      And "ConfigurationService.createUnifiedConfiguration" is never executed

    @orchestration-8 @orchestration-15 @needs-json-schema
    Scenario: Cancellation after a failure prevents the sequential retries
      Given "ModelService.validateCompatibility" fails 1 time with "CONNECTION_RESET"
      When the workflow starts
      And 170 ms pass
      And cancellation is requested
      And the workflow ends
      Then the workflow is rolled back
      And it takes 30 ms
      And the error is "CONNECTION_RESET" from "ModelService.validateCompatibility"
      And "ModelService.validateCompatibility" is executed 1 time

    @orchestration-8 @orchestration-15 @needs-json-schema
    Scenario: Cancellation during a sequential retry prevents the later ones
      Given "PersonalityService.batchValidatePersonalities" fails 1 time with "CONNECTION_RESET"
      And "ModelService.validateCompatibility" fails 1 time with "CONNECTION_RESET"
      When the workflow starts
      And 300 ms pass
      And cancellation is requested
      And the workflow ends
      Then the workflow is rolled back
      And it takes 100 ms
      And "PersonalityService.batchValidatePersonalities" is executed 2 times
      And "ModelService.validateCompatibility" is executed 1 time
      And "ConfigurationService.createUnifiedConfiguration" is never executed

    @orchestration-8 @orchestration-15 @needs-json-schema
    Scenario: Cancellation during the last sequential retry stops the workflow
      Given "ModelService.validateCompatibility" fails 1 time with "CONNECTION_RESET"
      When the workflow starts
      And 300 ms pass
      And cancellation is requested
      And the workflow ends
      Then the workflow is cancelled
      And it takes 60 ms
      And "ModelService.validateCompatibility" is executed 2 times
      And "ConfigurationService.createUnifiedConfiguration" is never executed

    @orchestration-8 @orchestration-14 @needs-json-schema
    Scenario: There is no sequential retry after the deadline
      Given the workflow must finish within 150 ms
      When the workflow runs
      Then the workflow is rolled back
      And it takes 150 ms
      And the error is "WORKFLOW_TIMEOUT" from "PersonalityService.batchValidatePersonalities"
      And "PersonalityService.batchValidatePersonalities" is executed 1 time
      And "RoleService.batchValidateRoles" is executed 1 time
      And "ModelService.validateCompatibility" is executed 1 time

    @orchestration-8 @orchestration-12 @needs-json-schema
    Scenario: A sequential retry does not clear the doubt of a timeout
      Given a service "Payments"
      And "Payments.charge" answers:
        | execution | answer              |
        | 1         | late 3 s            |
        | 2         | error CARD_DECLINED |
      And the workflow:
        """json
        {
          "id": "order",
          "onParallelFailure": "sequential",
          "steps": [
            {
              "id": "charge", "service": "Payments", "operation": "charge", "dependencies": [], "timeout": "500ms",
              "compensation": "refund"
            },
            { "id": "model", "service": "ModelService", "operation": "validateCompatibility", "dependencies": [] }
          ]
        }
        """
      When the workflow runs
      Then the workflow is rolled back
      And it takes 500 ms
      And the error is "CARD_DECLINED" from "Payments.charge"
      And these compensations run in order:
        | Payments.refund |
      When 1 h passes
      Then nothing has an effect
