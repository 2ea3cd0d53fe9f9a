@wall-clock
Feature: Orders
  The saga reserves stock, charges a card and sends a parcel, and undoes what fails.

  Background:
    Given the services from "shop"
    And the services are served over HTTP
    And the system "orders"

  Scenario: An order completes although a service is unavailable for a moment
    Given "Payments.charge" fails 2 times with "SERVICE_UNAVAILABLE"
    When the system "orders" starts
    And "Orders.place" is called with:
      """json
      { "order": "o-1" }
      """
    Then the reply has:
      | path   | value     |
      | /state | completed |
    And "Payments.charge" is executed 3 times

  Scenario: An address is unknown, and the order is undone
    Given "Carrier.ship" fails with "ADDRESS_UNKNOWN"
    When the system "orders" starts
    And "Orders.place" is called with:
      """json
      { "order": "o-1" }
      """
    Then the reply has:
      | path   | value  |
      | /state | undone |
    And no effect remains

  Scenario Outline: The saga is killed <when>, and nothing is charged twice
    Given the system "orders" is killed <when>
    When the system "orders" starts
    And "Orders.place" is called with:
      """json
      { "order": "o-1" }
      """
    Then the call fails with "CONNECTION_RESET"
    When the system "orders" restarts
    Then these effects remain:
      | call            | times |
      | Stock.reserve   | 1     |
      | Payments.charge | 1     |
      | Carrier.ship    | 1     |

    Examples:
      | when                              |
      | before "Payments.charge" acts     |
      | after "Payments.charge" has acted |
      | after "Carrier.ship" has acted    |
