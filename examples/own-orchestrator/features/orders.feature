Feature: Orders
  An order reserves stock, charges a card and sends a parcel. A call that fails is tried again every
  hour for a day, and what fails for good is undone.

  Background:
    Given the services from "shop"

  @real-8
  Scenario: The card is charged after most of a day of retries
    Given "Payments.charge" fails 20 times with "SERVICE_UNAVAILABLE"
    When the order "o-1" is placed
    Then the order "o-1" is completed
    And it takes 20 h
    And "Payments.charge" is executed 21 times

  Scenario: The parcel has nowhere to go, and the order is undone
    Given "Carrier.ship" fails with "ADDRESS_UNKNOWN"
    When the order "o-1" is placed
    Then the order "o-1" is undone
    And no effect remains

  Scenario Outline: The process is lost <when>, and the card is charged once
    Given "Payments.charge" answers:
      | execution | answer   |
      | 1         | <answer> |
      | 2         | ok       |
    And the process is lost after <after>
    When the order "o-1" is placed
    And the process restarts
    Then the order "o-1" is completed
    And the calls are:
      | at      | call            | result   |
      | 0 ms    | Stock.reserve   | ok       |
      | 0 ms    | Payments.charge | <result> |
      | <after> | Payments.charge | ok       |
      | <after> | Carrier.ship    | ok       |
    And these effects remain:
      | call            | key | times |
      | Stock.reserve   | o-1 | 1     |
      | Payments.charge | o-1 | 1     |
      | Carrier.ship    | o-1 | 1     |

    Examples:
      | when                        | answer                    | result              | after  |
      | before the service acts     | after 20 s ok             | CANCELLED           | 10 s   |
      | after the service has acted | stall after 0 bytes       | CANCELLED           | 10 s   |
      | between two tries           | error SERVICE_UNAVAILABLE | SERVICE_UNAVAILABLE | 30 min |

  Scenario: An answer is lost, and the card is charged once
    Given "Payments.charge" answers:
      | execution | answer |
      | 1         | lost   |
      | 2         | ok     |
    When the order "o-1" is placed
    Then the order "o-1" is completed
    And it takes 1 h
    And no effect happens twice

  Scenario: An answer is lost without HTTP, too
    Given "Payments.charge" answers:
      | execution | answer |
      | 1         | lost   |
      | 2         | ok     |
    When the order "o-1" is placed without HTTP
    Then the order "o-1" is completed
    And no effect happens twice
