Feature: Compensation
  A completed call to a service cannot be rolled back like a database transaction.
  Its effect must be undone by another call, in reverse order and with the data it needs.

  Background:
    Given a service "Stock"
    And a service "Payments"
    And a service "Shipping"
    And the workflow:
      """json
      {
        "id": "order",
        "steps": [
          {
            "id": "hold", "service": "Stock", "operation": "hold",
            "input": { "sku": "book-7" },
            "compensation": "Stock.release"
          },
          { "id": "note", "service": "Stock", "operation": "note" },
          {
            "id": "charge", "service": "Payments", "operation": "charge",
            "input": { "sku": "${/hold/sku}", "amount": 42 },
            "compensation": { "operation": "refund", "input": { "payment": "${/charge/id}" } }
          },
          { "id": "ship", "service": "Shipping", "operation": "send", "compensation": "Shipping.recall" }
        ]
      }
      """
    And "Stock.hold" replies:
      """json
      { "sku": "book-7", "shelf": 3 }
      """
    And "Payments.charge" replies:
      """json
      { "id": "payment-1" }
      """

  @orchestration-2
  Scenario: A compensation receives the input and the reply of its step
    Given "Shipping.send" fails with "NO_CARRIER"
    When the workflow runs
    Then the workflow is rolled back
    And these compensations run in order:
      | Payments.refund |
      | Stock.release   |
    And the timeline has, in order:
      | event        | call            | input                                                                     |
      | call_started | Payments.refund | {"payment": "payment-1"}                                                  |
      | call_started | Stock.release   | {"input": {"sku": "book-7"}, "reply": {"sku": "book-7", "shelf": 3}}       |

  @orchestration-2
  Scenario: Effects are undone in reverse order
    Given "Shipping.send" fails with "NO_CARRIER"
    When the workflow runs
    Then the timeline has, in order:
      | event  | service  | operation | key                 |
      | effect | Stock    | hold      | order-1/hold        |
      | effect | Stock    | note      | order-1/note        |
      | effect | Payments | charge    | order-1/charge      |
      | effect | Payments | refund    | order-1/charge:undo |
      | effect | Stock    | release   | order-1/hold:undo   |
    And the outcome has:
      | path            | value       |
      | /steps/0/status | compensated |
      | /steps/1/status | completed   |
      | /steps/2/status | compensated |
      | /steps/3/status | failed      |

  @orchestration-5
  Scenario: A compensation is retried like any call
    Given every call is retried up to 2 times
    And "Shipping.send" fails with "PERMANENT_ERROR"
    And "Payments.refund" takes 50 ms
    And "Payments.refund" fails 2 times with "CONNECTION_RESET"
    When the workflow runs
    Then the workflow is rolled back
    And it takes 450 ms
    And "Payments.refund" waits "100 ms, 200 ms" between executions
    And the calls are:
      | at     | call            | execution | took  | result           |
      | 0 ms   | Stock.hold      | 1         | 0 ms  | ok               |
      | 0 ms   | Stock.note      | 1         | 0 ms  | ok               |
      | 0 ms   | Payments.charge | 1         | 0 ms  | ok               |
      | 0 ms   | Shipping.send   | 1         | 0 ms  | PERMANENT_ERROR  |
      | 0 ms   | Payments.refund | 1         | 50 ms | CONNECTION_RESET |
      | 150 ms | Payments.refund | 2         | 50 ms | CONNECTION_RESET |
      | 400 ms | Payments.refund | 3         | 50 ms | ok               |
      | 450 ms | Stock.release   | 1         | 0 ms  | ok               |

  @orchestration-5
  Scenario: A compensation that cannot reach its service reports its executions
    Given every call is retried up to 2 times
    And "Shipping.send" fails with "PERMANENT_ERROR"
    And "Payments.refund" fails with "CONNECTION_REFUSED"
    When the workflow runs
    Then the workflow fails with "PERMANENT_ERROR"
    And it takes 300 ms
    And the outcome has:
      | path                               | value              |
      | /compensations/0/call              | Payments.refund    |
      | /compensations/0/error/code        | CONNECTION_REFUSED |
      | /compensations/0/error/executions  | 3                  |
      | /compensations/0/error/causes/1/code | CONNECTION_REFUSED |
      | /compensations/1/call              | Stock.release      |
      | /compensations/1/error             |                    |

  @orchestration-2
  Scenario: A partially effective step is undone although it failed
    Given the workflow:
      """json
      {
        "id": "shipping",
        "steps": [
          {
            "id": "ship", "service": "Shipping", "operation": "send",
            "partiallyEffective": true, "compensation": "recall"
          }
        ]
      }
      """
    And "Shipping.send" fails with "NO_CARRIER"
    When the workflow runs
    Then the workflow is rolled back
    And these compensations run in order:
      | Shipping.recall |
    And the timeline has, in order:
      | event        | call            | input                       |
      | call_started | Shipping.recall | {"input": {}, "reply": null} |

  @orchestration-2
  Scenario: Compensation waits for running steps, and the first failure is the error
    Given the workflow:
      """json
      {
        "id": "order",
        "steps": [
          { "id": "hold", "service": "Stock", "operation": "hold", "dependencies": [], "compensation": "Stock.release" },
          { "id": "charge", "service": "Payments", "operation": "charge", "dependencies": [], "compensation": "Payments.refund" },
          { "id": "ship", "service": "Shipping", "operation": "send", "dependencies": [], "compensation": "Shipping.recall" },
          { "id": "thank", "service": "Shipping", "operation": "thank", "dependencies": ["hold"] }
        ]
      }
      """
    And "Stock.hold" takes 100 ms
    And "Payments.charge" takes 50 ms
    And "Payments.charge" fails with "CARD_DECLINED"
    And "Shipping.send" takes 200 ms
    And "Shipping.send" fails with "NO_CARRIER"
    When the workflow runs
    Then the workflow is rolled back
    And the error is "CARD_DECLINED" from "Payments.charge"
    And it takes 200 ms
    And the calls are:
      | at     | call            | execution | took   | result        |
      | 0 ms   | Stock.hold      | 1         | 100 ms | ok            |
      | 0 ms   | Payments.charge | 1         | 50 ms  | CARD_DECLINED |
      | 0 ms   | Shipping.send   | 1         | 200 ms | NO_CARRIER    |
      | 200 ms | Stock.release   | 1         | 0 ms   | ok            |
    And the outcome has:
      | path                | value      |
      | /steps/2/error/code | NO_CARRIER |
      | /steps/3/status     | skipped    |

  @orchestration-11
  Scenario: A service removed during the run fails it, and the run is undone
    Given "Stock.hold" takes 100 ms
    When the workflow starts
    And 50 ms pass
    And "Payments" is removed
    And the workflow ends
    Then the workflow is rolled back
    And the error is "SERVICE_NOT_FOUND" from "Payments.charge"
    And these compensations run in order:
      | Stock.release |
    And no call to "Stock" starts after 100 ms
    And the calls are:
      | at     | call          | result |
      | 0 ms   | Stock.hold    | ok     |
      | 100 ms | Stock.note    | ok     |
      | 100 ms | Stock.release | ok     |

  @orchestration-2
  Scenario: A scenario overrides a workflow that keeps partial results
    Given the workflow keeps on failure
    And the workflow compensates on failure
    And "Shipping.send" fails with "NO_CARRIER"
    When the workflow runs
    Then the workflow is rolled back
    And these compensations run in order:
      | Payments.refund |
      | Stock.release   |

  @orchestration-5 @resilience-1
  Scenario: A compensation has its own timeout and retries, about 52 minutes of them
    Given the workflow:
      """json
      {
        "id": "order",
        "steps": [
          {
            "id": "hold", "service": "Stock", "operation": "hold", "timeout": "50ms", "retry": { "maxRetries": 3 },
            "compensation": "Stock.release"
          },
          {
            "id": "charge", "service": "Payments", "operation": "charge", "timeout": "50ms", "retry": { "maxRetries": 3 },
            "compensation": "Payments.refund"
          },
          { "id": "ship", "service": "Shipping", "operation": "send" }
        ]
      }
      """
    And "Shipping.send" fails with "NO_CARRIER"
    And "Payments.refund" takes 100 ms
    And "Stock.release" fails with "CONNECTION_RESET"
    When the workflow runs
    Then the workflow fails with "NO_CARRIER"
    And it takes 3102400 ms
    And "Payments.refund" is executed 1 time
    And "Stock.release" is executed 61 times
    And the outcome has:
      | path                        | value            |
      | /compensations/0/error      |                  |
      | /compensations/1/error/code | CONNECTION_RESET |

  @orchestration-5 @orchestration-20
  Scenario: A compensation that refers to a missing reply is not called
    Given "Payments.charge" times out after 1 s
    And "Payments.charge" hangs 1 time
    When the workflow runs
    Then the workflow fails with "TIMEOUT"
    And it takes 1 s
    And "Payments.refund" is never executed
    And "Stock.release" is executed 1 time
    And the outcome has:
      | path                         | value             |
      | /compensations/0/call        | Payments.refund   |
      | /compensations/0/error/code  | INVALID_REFERENCE |
      | /compensations/0/error/field | /charge/id        |
      | /compensations/1/error       |                   |
