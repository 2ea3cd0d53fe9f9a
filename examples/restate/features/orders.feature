@wall-clock @real-10
Feature: Orders
  A Restate worker reserves stock, charges a card and sends a parcel, and undoes what fails. Restate
  retries what is unavailable, and resumes an order when the worker, or Restate itself, was killed.

  Background:
    Given the services from "shop"
    And the services are served over HTTP
    And the system "restate"
    And the system "worker"

  Scenario: All services answer, and the order completes
    When the system "restate" starts
    And the system "worker" starts
    And "Orders.place" is called with:
      """json
      { "order": "o-1" }
      """
    Then the reply is:
      """json
      { "order": "o-1", "state": "completed" }
      """
    And the calls are:
      | call            | execution | result |
      | Orders.place    | 1         | ok     |
      | Stock.reserve   | 1         | ok     |
      | Payments.charge | 1         | ok     |
      | Carrier.ship    | 1         | ok     |

  Scenario: Restate retries a service that is unavailable for a moment
    Given "Payments.charge" fails 2 times with "SERVICE_UNAVAILABLE"
    When the system "restate" starts
    And the system "worker" starts
    And "Orders.place" is called with:
      """json
      { "order": "o-1" }
      """
    Then the reply is:
      """json
      { "order": "o-1", "state": "completed" }
      """
    And the calls are:
      | call            | execution | result              |
      | Orders.place    | 1         | ok                  |
      | Stock.reserve   | 1         | ok                  |
      | Payments.charge | 1         | SERVICE_UNAVAILABLE |
      | Payments.charge | 2         | SERVICE_UNAVAILABLE |
      | Payments.charge | 3         | ok                  |
      | Carrier.ship    | 1         | ok                  |

  Scenario: An address is unknown, and the order is undone
    Given "Carrier.ship" fails with "ADDRESS_UNKNOWN"
    When the system "restate" starts
    And the system "worker" starts
    And "Orders.place" is called with:
      """json
      { "order": "o-1" }
      """
    Then the reply is:
      """json
      { "order": "o-1", "state": "undone" }
      """
    And no effect remains

  Scenario Outline: The worker is killed <when>, and Restate resumes the order
    Given the system "worker" is killed <when>
    When the system "restate" starts
    And the system "worker" starts
    And "Orders.submit" is called with:
      """json
      { "order": "o-1" }
      """
    And the system "worker" ends
    And the system "worker" starts
    And "Orders.result" is called with:
      """json
      { "order": "o-1" }
      """
    Then the reply is:
      """json
      { "order": "o-1", "state": "completed" }
      """
    And these effects remain:
      | call            | times |
      | Stock.reserve   | 1     |
      | Payments.charge | 1     |
      | Carrier.ship    | 1     |
    And "Stock.reserve" is executed 1 time
    And "Payments.charge" is executed 2 times
    And "Carrier.ship" is executed 1 time

    Examples:
      | when                              |
      | before "Payments.charge" acts     |
      | after "Payments.charge" has acted |

  Scenario: Restate is killed while the worker waits for a service, and resumes the order
    Given "Payments.charge" hangs 1 time
    When the system "restate" starts
    And the system "worker" starts
    And "Orders.submit" is called with:
      """json
      { "order": "o-1" }
      """
    And "Payments.charge" is reached 1 time
    And the system "restate" restarts
    And "Orders.result" is called with:
      """json
      { "order": "o-1" }
      """
    Then the reply is:
      """json
      { "order": "o-1", "state": "completed" }
      """
    And these effects remain:
      | call            | times |
      | Stock.reserve   | 1     |
      | Payments.charge | 1     |
      | Carrier.ship    | 1     |
    And "Stock.reserve" is executed 1 time
    And "Payments.charge" is executed 2 times
    And "Carrier.ship" is executed 1 time

  Scenario: Restate and its worker are both killed, and the order is resumed
    Given the system "worker" is killed after "Payments.charge" has acted
    When the system "restate" starts
    And the system "worker" starts
    And "Orders.submit" is called with:
      """json
      { "order": "o-1" }
      """
    And the system "worker" ends
    And the system "restate" restarts
    And the system "worker" starts
    And "Orders.result" is called with:
      """json
      { "order": "o-1" }
      """
    Then the reply is:
      """json
      { "order": "o-1", "state": "completed" }
      """
    And these effects remain:
      | call            | times |
      | Stock.reserve   | 1     |
      | Payments.charge | 1     |
      | Carrier.ship    | 1     |
    And "Stock.reserve" is executed 1 time
    And "Payments.charge" is executed 2 times
    And "Carrier.ship" is executed 1 time
