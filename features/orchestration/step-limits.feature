Feature: Limits of a step
  A step can have a time for all its tries, with the delays between them; one that runs a workflow can have
  it tried again, after what the former try did is undone.

  Background:
    Given a service "Stock"
    And a service "Payments"

  Rule: All tries of a step end within its time

    @orchestration-24
    Scenario: The time of a step ends the try that it falls into
      Given the workflow:
        """json
        {
          "id": "order",
          "steps": [
            { "id": "reserve", "service": "Stock", "operation": "reserve", "compensation": "release" },
            {
              "id": "charge", "service": "Payments", "operation": "charge", "compensation": "refund", "timeout": "2s", "within": "5s",
              "retry": { "maxRetries": 9, "base": "1s", "multiplier": 1, "jitter": "none" }
            }
          ]
        }
        """
      And "Payments.charge" hangs
      When the workflow runs
      Then the workflow is rolled back
      And it takes 5 s
      And the calls are:
        | at  | call            | took | result  |
        | 0 s | Stock.reserve   | 0 s  | ok      |
        | 0 s | Payments.charge | 2 s  | TIMEOUT |
        | 3 s | Payments.charge | 2 s  | TIMEOUT |
        | 5 s | Payments.refund | 0 s  | ok      |
        | 5 s | Stock.release   | 0 s  | ok      |

    @orchestration-24
    Scenario: No try starts that could not end in its time
      Given the workflow:
        """json
        {
          "id": "order",
          "steps": [
            {
              "id": "charge", "service": "Payments", "operation": "charge", "within": "5s",
              "retry": { "maxRetries": 9, "base": "2s", "multiplier": 1, "jitter": "none" }
            }
          ]
        }
        """
      And "Payments.charge" fails with "SERVICE_UNAVAILABLE"
      When the workflow runs
      Then the workflow is rolled back
      And the calls are:
        | at  | call            | result              |
        | 0 s | Payments.charge | SERVICE_UNAVAILABLE |
        | 2 s | Payments.charge | SERVICE_UNAVAILABLE |
        | 4 s | Payments.charge | SERVICE_UNAVAILABLE |
      And the error is "SERVICE_UNAVAILABLE" from "Payments.charge"

    @orchestration-24
    Scenario: A try that is cut off in the middle counts as timed out and in doubt
      Given the workflow:
        """json
        {
          "id": "order",
          "steps": [ { "id": "charge", "service": "Payments", "operation": "charge", "compensation": "refund", "within": "5s" } ]
        }
        """
      And "Payments.charge" hangs
      When the workflow runs
      Then the workflow is rolled back
      And it takes 5 s
      And the error is "TIMEOUT" from "Payments.charge"
      And the calls are:
        | at  | call            | took | result  |
        | 0 s | Payments.charge | 5 s  | TIMEOUT |
        | 5 s | Payments.refund | 0 s  | ok      |

    @orchestration-24
    Scenario: No try starts at the very end of its time, not even at once
      Given the workflow:
        """json
        {
          "id": "order",
          "steps": [
            {
              "id": "charge", "service": "Payments", "operation": "charge", "within": "5s",
              "retry": { "maxRetries": 9, "base": "0s", "multiplier": 1, "jitter": "none" }
            }
          ]
        }
        """
      And "Payments.charge" hangs
      When the workflow runs
      Then the workflow is rolled back
      And "Payments.charge" is executed 1 time

    @orchestration-24
    Scenario: An answer at exactly the end of its time is in time
      Given the workflow:
        """json
        {
          "id": "order",
          "steps": [ { "id": "charge", "service": "Payments", "operation": "charge", "within": "5s" } ]
        }
        """
      And "Payments.charge" takes 5 s
      When the workflow runs
      Then the workflow completes

    @orchestration-24
    Scenario: A service whose caller had no time left is not unhealthy
      Given the workflow:
        """json
        {
          "id": "order",
          "steps": [ { "id": "charge", "service": "Payments", "operation": "charge", "within": "5s" } ]
        }
        """
      And a circuit breaker on "Payments" opening after 1 failure for 1 min
      And "Payments.charge" hangs
      When the workflow runs
      Then the workflow is rolled back
      And the circuit breaker on "Payments" is closed

    @orchestration-24
    Scenario: Fallback calls come after the time of the step
      Given the workflow:
        """json
        {
          "id": "order",
          "steps": [
            { "id": "charge", "service": "Payments", "operation": "charge", "within": "5s", "recover": ["invoice"] }
          ]
        }
        """
      And "Payments.charge" hangs
      And "Payments.invoice" takes 3 s
      When the workflow runs
      Then the workflow completes
      And it takes 8 s

    @orchestration-24
    Scenario: A restart does not renew the time of a step
      Given the workflow:
        """json
        {
          "id": "order",
          "steps": [
            {
              "id": "charge", "service": "Payments", "operation": "charge", "within": "10s",
              "retry": { "maxRetries": 99, "base": "4s", "multiplier": 1, "jitter": "none" }
            }
          ]
        }
        """
      And "Payments.charge" fails with "SERVICE_UNAVAILABLE"
      When the workflow starts
      And 6 s pass
      And the orchestrator restarts
      Then the workflow is rolled back
      And the calls are:
        | at  | call            |
        | 0 s | Payments.charge |
        | 4 s | Payments.charge |
        | 8 s | Payments.charge |

    @orchestration-24
    Scenario: A resumed step has its time anew
      Given the workflow:
        """json
        {
          "id": "order", "onFailure": "keep",
          "steps": [ { "id": "charge", "service": "Payments", "operation": "charge", "within": "5s" } ]
        }
        """
      And "Payments.charge" hangs 1 time
      And "Payments.charge" takes 3 s
      When the workflow runs
      Then the workflow is interrupted
      When 1 h passes
      And the workflow resumes
      Then the workflow completes

    @orchestration-24
    Scenario: Less time for all tries than for one is refused before any call
      Given the workflow:
        """json
        {
          "id": "order",
          "steps": [ { "id": "charge", "service": "Payments", "operation": "charge", "timeout": "2s", "within": "1500ms" } ]
        }
        """
      When the workflow runs
      Then the workflow is refused with "INVALID_WORKFLOW"
      And the refusal names "/steps/0/within" and says "less than the 2 s"

  Rule: A workflow within can be tried again

    Background:
      Given the workflow:
        """json
        {
          "id": "booking",
          "steps": [
            { "id": "reserve", "service": "Stock", "operation": "reserve", "compensation": "release" },
            { "id": "charge", "service": "Payments", "operation": "charge", "compensation": "refund" }
          ]
        }
        """
      And the workflow:
        """json
        {
          "id": "order",
          "steps": [
            { "id": "book", "workflow": "booking", "timeout": "10s", "retry": { "maxRetries": 2, "base": "1s", "multiplier": 1, "jitter": "none" } }
          ]
        }
        """

    @orchestration-24
    Scenario: Each try is a new run, and the former one is undone first
      Given "Payments.charge" fails 2 times with "SERVICE_UNAVAILABLE"
      When the workflow runs
      Then the workflow completes
      And it takes 2 s
      And the calls are:
        | at  | call            | result              |
        | 0 s | Stock.reserve   | ok                  |
        | 0 s | Payments.charge | SERVICE_UNAVAILABLE |
        | 0 s | Stock.release   | ok                  |
        | 1 s | Stock.reserve   | ok                  |
        | 1 s | Payments.charge | SERVICE_UNAVAILABLE |
        | 1 s | Stock.release   | ok                  |
        | 2 s | Stock.reserve   | ok                  |
        | 2 s | Payments.charge | ok                  |
      And these effects remain:
        | call            | key                    | times |
        | Stock.reserve   | order-1/book~3/reserve | 1     |
        | Payments.charge | order-1/book~3/charge  | 1     |
      And the timeline has, in order:
        | at  | event           | step | execution | delay |
        | 0 s | retry_scheduled | book | 1         | 1 s   |
        | 1 s | retry_scheduled | book | 2         | 1 s   |

    @orchestration-24
    Scenario: The last try's failure is the step's, after those before it
      Given "Payments.charge" fails with "SERVICE_UNAVAILABLE"
      When the workflow runs
      Then the workflow is rolled back
      And "Payments.charge" is executed 3 times
      And the error is "SERVICE_UNAVAILABLE" from "Payments.charge"
      And the outcome has:
        | path                  | value               |
        | /error/causes/0/code  | SERVICE_UNAVAILABLE |
        | /error/causes/1/code  | SERVICE_UNAVAILABLE |
      And no effect remains

    @orchestration-24
    Scenario: A failure that is not worth a retry ends the step
      Given "Payments.charge" fails 1 time with "PERMANENT_ERROR"
      When the workflow runs
      Then the workflow is rolled back
      And "Payments.charge" is executed 1 time
      And the outcome has:
        | path              | value                                   |
        | /error/notRetried | PERMANENT_ERROR is not a retryable code |

    @orchestration-24
    Scenario: A try ends with its time-out, is undone, and followed by another
      Given "Payments.charge" hangs 1 time
      When the workflow runs
      Then the workflow completes
      And the calls are:
        | at   | call            | took | result  |
        | 0 s  | Stock.reserve   | 0 s  | ok      |
        | 0 s  | Payments.charge | 10 s | TIMEOUT |
        | 10 s | Payments.refund | 0 s  | ok      |
        | 10 s | Stock.release   | 0 s  | ok      |
        | 11 s | Stock.reserve   | 0 s  | ok      |
        | 11 s | Payments.charge | 0 s  | ok      |

    @orchestration-24
    Scenario: A partial result of a former try is undone before the next
      Given the workflow:
        """json
        {
          "id": "keeping", "onFailure": "keep",
          "steps": [
            { "id": "reserve", "service": "Stock", "operation": "reserve", "compensation": "release" },
            { "id": "charge", "service": "Payments", "operation": "charge", "compensation": "refund" }
          ]
        }
        """
      And the workflow:
        """json
        {
          "id": "order",
          "steps": [ { "id": "book", "workflow": "keeping", "retry": { "maxRetries": 1, "base": "1s", "multiplier": 1, "jitter": "none" } } ]
        }
        """
      And "Payments.charge" fails 1 time with "SERVICE_UNAVAILABLE"
      When the workflow runs
      Then the workflow completes
      And the calls are:
        | at  | call            | result              |
        | 0 s | Stock.reserve   | ok                  |
        | 0 s | Payments.charge | SERVICE_UNAVAILABLE |
        | 1 s | Stock.release   | ok                  |
        | 1 s | Stock.reserve   | ok                  |
        | 1 s | Payments.charge | ok                  |

    @orchestration-24
    Scenario: A try that is past its pivot goes on instead of anew
      Given the workflow:
        """json
        {
          "id": "shipping",
          "steps": [
            { "id": "reserve", "service": "Stock", "operation": "reserve", "pivot": true },
            { "id": "charge", "service": "Payments", "operation": "charge" }
          ]
        }
        """
      And the workflow:
        """json
        {
          "id": "order",
          "steps": [ { "id": "ship", "workflow": "shipping", "retry": { "maxRetries": 1, "base": "1s", "multiplier": 1, "jitter": "none" } } ]
        }
        """
      And "Payments.charge" fails 1 time with "SERVICE_UNAVAILABLE"
      When the workflow runs
      Then the workflow completes
      And the calls are:
        | at  | call            | result              |
        | 0 s | Stock.reserve   | ok                  |
        | 0 s | Payments.charge | SERVICE_UNAVAILABLE |
        | 1 s | Payments.charge | ok                  |

    @orchestration-24
    Scenario Outline: A crash <when> of a try loses and doubles nothing
      Given "Payments.charge" fails 1 time with "SERVICE_UNAVAILABLE"
      And the orchestrator crashes <moment> step "book/<step>" on its <time> execution
      When the workflow runs
      And the orchestrator restarts
      Then the workflow completes
      And these effects remain:
        | call            | key                    | times |
        | Stock.reserve   | order-1/book~2/reserve | 1     |
        | Payments.charge | order-1/book~2/charge  | 1     |

      Examples:
        | when                        | moment                     | step    | time |
        | at the start of the first   | after                      | reserve | 1st  |
        | in the undo of the first    | after the compensation of  | reserve | 1st  |
        | in the middle of the second | during                     | reserve | 2nd  |
        | at the end of the second    | after                      | charge  | 2nd  |

    @orchestration-24
    Scenario: A restart during the delay before a try does not renew it
      Given "Payments.charge" fails 1 time with "SERVICE_UNAVAILABLE"
      When the workflow starts
      And 600 ms pass
      And the orchestrator crashes
      And 100 ms pass
      And the orchestrator restarts
      Then the workflow completes
      And it takes 300 ms

    @orchestration-24
    Scenario: A restart does not give the tries anew that were used up
      Given "Payments.charge" fails with "SERVICE_UNAVAILABLE"
      When the workflow starts
      And 1500 ms pass
      And the orchestrator restarts
      Then the workflow is rolled back
      And "Payments.charge" is executed 3 times

    @orchestration-24
    Scenario: A cancellation during the delay before a try undoes and ends the run
      Given "Payments.charge" fails 1 time with "SERVICE_UNAVAILABLE"
      When the workflow starts
      And 600 ms pass
      And cancellation is requested
      And the workflow ends
      Then the workflow is cancelled
      And it takes 0 ms
      And "Payments.charge" is executed 1 time

    @orchestration-24
    Scenario: The time for all tries ends them, whatever the retries say
      Given the workflow:
        """json
        {
          "id": "order",
          "steps": [
            {
              "id": "book", "workflow": "booking", "timeout": "10s", "within": "15s",
              "retry": { "maxRetries": 9, "base": "1s", "multiplier": 1, "jitter": "none" }
            }
          ]
        }
        """
      And "Payments.charge" hangs
      When the workflow runs
      Then the workflow is rolled back
      And it takes 15 s
      And the error is "TIMEOUT" from "Payments.charge"
