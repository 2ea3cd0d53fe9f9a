Feature: Services that are not ideal
  Played services remember every key and discard an effect that arrives after its undo. Real ones often do neither, and
  that is when something is charged twice.

  Background:
    Given a service "Gateway"
    And a service "Depot"
    And the workflow:
      """json
      {
        "id": "buy",
        "steps": [
          { "id": "charge", "service": "Gateway", "operation": "charge", "timeout": "2s", "compensation": "refund" },
          { "id": "ship", "service": "Depot", "operation": "ship" }
        ]
      }
      """

  Rule: A service acts once per key, unless it is said to be otherwise

    @orchestration-13
    Scenario: A service that remembers its keys charges once, although the step is executed twice
      Given the orchestrator crashes after the service acts in step "charge"
      When the workflow runs
      And the orchestrator restarts
      Then the workflow completes
      And "Gateway.charge" is executed 2 times
      And these effects happened:
        | call           | key          | times |
        | Gateway.charge | buy-1/charge | 1     |
        | Depot.ship     | buy-1/ship   | 1     |

    @orchestration-13
    Scenario Outline: An operation that is not idempotent charges twice when the orchestrator is lost <moment> it acted
      Given "Gateway.charge" is not idempotent
      And the orchestrator crashes <moment> the service acts in step "charge"
      When the workflow runs
      And the orchestrator restarts
      Then the workflow completes
      And "Gateway.charge" is executed 2 times
      And these effects remain:
        | call           | times   |
        | Gateway.charge | <times> |
        | Depot.ship     | 1       |

      Examples:
        | moment | times |
        | before | 1     |
        | after  | 2     |

    @orchestration-2 @orchestration-13
    Scenario: One undo takes back one of two charges
      Given "Gateway.charge" is not idempotent
      And "Gateway.charge" answers:
        | execution | answer |
        | 1         | twice  |
      And "Depot.ship" fails with "NO_DRIVER"
      When the workflow runs
      Then the workflow is rolled back
      And these effects happened:
        | call           | key               | times |
        | Gateway.charge | buy-1/charge      | 2     |
        | Gateway.refund | buy-1/charge:undo | 1     |
      And these effects remain:
        | call           | key          | times |
        | Gateway.charge | buy-1/charge | 1     |

    @orchestration-13
    Scenario: An undo that is not idempotent refunds twice when the orchestrator is lost after it acted
      Given "Gateway.refund" is not idempotent
      And "Depot.ship" fails with "NO_DRIVER"
      And the orchestrator crashes after the service acts in the compensation of step "charge"
      When the workflow runs
      And the orchestrator restarts
      Then the workflow is rolled back
      And "Gateway.refund" is executed 2 times

    @orchestration-13
    Scenario: A definition says which operations are not idempotent
      Given a service "OldGateway"
        """json
        {
          "idempotent": false,
          "operations": { "charge": {}, "hold": { "idempotent": true } }
        }
        """
      And "OldGateway.charge" answers:
        | execution | answer |
        | 1         | twice  |
      And "OldGateway.hold" answers:
        | execution | answer |
        | 1         | twice  |
      When "OldGateway.charge" is called
      And "OldGateway.hold" is called
      Then these effects happened:
        | call              | times |
        | OldGateway.charge | 2     |
        | OldGateway.hold   | 1     |

    @orchestration-13
    Scenario Outline: A key that is forgotten after a minute is new after <after>
      Given "Gateway" forgets its keys after 1 min
      And the orchestrator crashes after the service acts in step "charge"
      When the workflow runs
      And <after> pass
      And the orchestrator restarts
      Then the workflow completes
      And these effects remain:
        | call           | times   |
        | Gateway.charge | <times> |
        | Depot.ship     | 1       |

      Examples:
        | after    | times |
        | 59999 ms | 1     |
        | 60 s     | 2     |

    @orchestration-12
    Scenario: A late effect that is not barred remains after its undo
      Given "Gateway" does not bar late effects
      And "Gateway.charge" answers:
        | execution | answer   |
        | 1         | late 3 s |
      When the workflow runs
      Then the workflow is rolled back
      When 3 s pass
      Then these effects remain:
        | call           | key          | times |
        | Gateway.charge | buy-1/charge | 1     |

    @orchestration-12
    Scenario: A definition says how long keys are remembered and that late effects are not barred
      Given a service "Gateway"
        """json
        { "keys": "1h", "barsLateEffects": false }
        """
      And "Gateway.charge" answers:
        | execution | answer   |
        | 1         | late 3 s |
      When the workflow runs
      And 3 s pass
      Then these effects remain:
        | call           | times |
        | Gateway.charge | 1     |

    @orchestration-13
    Scenario: The fallback call of a step that acted all the same has no second effect
      Given the workflow:
        """json
        {
          "id": "buy",
          "steps": [
            {
              "id": "charge", "service": "Gateway", "operation": "charge", "compensation": "refund",
              "recover": ["Depot.charge"]
            }
          ]
        }
        """
      And "Gateway.charge" answers:
        | execution | answer                           |
        | 1         | acts then error PERMANENT_ERROR  |
      When the workflow runs
      Then the workflow completes
      And these effects remain:
        | call           | key          |
        | Gateway.charge | buy-1/charge |

  Rule: A service may act although no answer says so

    @orchestration-12
    Scenario: A service acts, then its connection breaks, and what it did is undone
      Given "Gateway.charge" answers:
        | execution | answer                           |
        | 1         | acts then error CONNECTION_RESET |
      When the workflow runs
      Then the workflow is rolled back
      And the error is "CONNECTION_RESET" from "Gateway.charge"
      And these effects happened:
        | call           |
        | Gateway.charge |
        | Gateway.refund |
      And no effect remains

    @orchestration-12
    Scenario: What a service did before it failed in a way that seems certain remains
      Given "Gateway.charge" answers:
        | execution | answer                        |
        | 1         | acts then error CARD_DECLINED |
      When the workflow runs
      Then the workflow is rolled back
      And these effects remain:
        | call           | times |
        | Gateway.charge | 1     |

    @orchestration-12 @resilience-9
    Scenario: A service acts, and its answer is lost
      Given "Gateway.charge" answers:
        | execution | answer |
        | 1         | lost   |
      When the workflow runs
      Then the workflow is rolled back
      And it takes 2 s
      And the error is "TIMEOUT" from "Gateway.charge"
      And these effects happened:
        | call           |
        | Gateway.charge |
        | Gateway.refund |

    @resilience-1
    Scenario: A caller waits at least as long as it is asked to
      Given "Gateway.charge" is retried up to 2 times
      And "Gateway.charge" answers:
        | execution | answer                                         |
        | 1         | error RATE_LIMITED retry after 30 s            |
        | 2         | after 1 s error RATE_LIMITED retry after 10 ms |
      When the workflow runs
      Then the workflow completes
      And "Gateway.charge" waits "30 s, 200 ms" between executions

  Rule: What a service was sent can be asserted

    @orchestration-20
    Scenario: The input of the last execution, and of one before
      When "Gateway.charge" is called with:
        """json
        { "amount": 5, "card": { "last4": 4242 } }
        """
      And "Gateway.charge" is called with:
        """json
        { "amount": 7 }
        """
      Then "Gateway.charge" received:
        """json
        { "amount": 7 }
        """
      And "Gateway.charge" received in execution 1:
        | path        | value |
        | /amount     | 5     |
        | /card/last4 | 4242  |
