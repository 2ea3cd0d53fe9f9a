@control-9
Feature: Golden signals
  How well calls and workflows went, from the timeline of the scenario: the share that succeeded and failed,
  how long they took, how many steps they needed.

  Background:
    Given a service "Stock"
    And a service "Payments"

  Scenario: A call and its retries are one call, but several executions
    Given "Payments.charge" takes 40 ms
    And "Payments.charge" fails 2 times with "NETWORK_TIMEOUT"
    And every call is retried up to 3 times
    When "Payments.charge" is called
    Then the golden signals have:
      | path         | value  |
      | /calls       | 1      |
      | /successRate | 1      |
      | /executions  | 3      |
      | /errorRate   | 0.6667 |
      | /refusals    | 0      |

  Scenario: Latency is that of the nearest rank
    Given "Payments.charge" answers:
      | execution | answer            |
      | 1-18      | after 10 ms ok    |
      | 19        | after 50 ms ok    |
      | 20        | after 2 s ok      |
    When "Payments.charge" is called 20 times
    Then the golden signals have:
      | path         | value |
      | /latency/p50 | 10 ms |
      | /latency/p95 | 50 ms |
      | /latency/p99 | 2 s   |

  Scenario: Each operation has its own signals
    Given "Stock.hold" takes 5 ms
    And "Payments.charge" fails 1 time with "INSUFFICIENT_FUNDS"
    When "Stock.hold" is called 3 times
    And "Payments.charge" is called
    Then the golden signals have:
      | path                                    | value |
      | /calls                                  | 4     |
      | /successRate                            | 0.75  |
      | /errorRate                              | 0.25  |
      | /operations/Stock.hold/successRate      | 1     |
      | /operations/Stock.hold/latency/p99      | 5 ms  |
      | /operations/Payments.charge/calls       | 1     |
      | /operations/Payments.charge/successRate | 0     |
      | /operations/Payments.charge/errorRate   | 1     |

  Scenario: A refused call failed, but no execution did
    Given "Payments.charge" fails 2 times with "SERVICE_UNAVAILABLE"
    And a circuit breaker on "Payments" opening after 2 failures for 30 s
    When "Payments.charge" is called 4 times
    Then the golden signals have:
      | path         | value |
      | /calls       | 4     |
      | /successRate | 0     |
      | /executions  | 2     |
      | /errorRate   | 1     |
      | /refusals    | 2     |

  Scenario: Steps count for their workflow, those of a nested one too
    Given the workflow:
      """json
      {
        "id": "order",
        "steps": [
          { "id": "hold", "service": "Stock", "operation": "hold" },
          {
            "id": "payment",
            "workflow": {
              "id": "inner",
              "steps": [
                { "id": "charge", "service": "Payments", "operation": "charge" },
                { "id": "receipt", "service": "Payments", "operation": "print" }
              ]
            }
          }
        ]
      }
      """
    When the workflow runs 2 times at once
    Then the golden signals have:
      | path          | value |
      | /stepsPerRun  | 4     |
      | /stepsPerGoal |       |
      | /approvalWait |       |
