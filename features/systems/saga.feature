@wall-clock @needs-http @needs-python3
Feature: A saga in another language
  A program in Python reserves, charges and ships. It is started here, its services are played over
  HTTP, and it is killed wherever it waits for one of them.

  Background:
    Given a service "Stock"
      """json
      { "operations": { "reserve": {}, "release": { "undoes": "reserve" } } }
      """
    And a service "Payments"
      """json
      { "operations": { "charge": {}, "refund": { "undoes": "charge" } } }
      """
    And a service "Carrier"
    And the services are served over HTTP
    And the system "orders"
      """json
      {
        "command": ["python3", "examples/python-saga/saga.py", "${/port}"],
        "env": {
          "STOCK": "${/services/Stock}", "PAYMENTS": "${/services/Payments}", "CARRIER": "${/services/Carrier}",
          "JOURNAL": "${/directory}/orders.db"
        },
        "ready": "GET /",
        "service": { "name": "Orders", "operations": { "place": {} } }
      }
      """

  @real-1
  Scenario: All services answer, and the order completes
    When the system "orders" starts
    And "Orders.place" is called with:
      """json
      { "order": "o-1" }
      """
    Then the call succeeds
    And the reply has:
      | path   | value     |
      | /state | completed |
    And the calls are:
      | call             | execution | result |
      | Orders.place     | 1         | ok     |
      | Stock.reserve    | 1         | ok     |
      | Payments.charge  | 1         | ok     |
      | Carrier.ship     | 1         | ok     |
    And these effects remain:
      | call            | key          | times |
      | Stock.reserve   | o-1/STOCK    | 1     |
      | Payments.charge | o-1/PAYMENTS | 1     |
      | Carrier.ship    | o-1/CARRIER  | 1     |
    And "Payments.charge" received:
      """json
      { "order": "o-1" }
      """

  @real-1
  Scenario: A service that is unavailable for a moment is tried again
    Given "Payments.charge" fails 2 times with "SERVICE_UNAVAILABLE"
    When the system "orders" starts
    And "Orders.place" is called with:
      """json
      { "order": "o-1" }
      """
    Then the reply has:
      | path   | value     |
      | /state | completed |
    And the calls are:
      | call            | execution | result              |
      | Orders.place    | 1         | ok                  |
      | Stock.reserve   | 1         | ok                  |
      | Payments.charge | 1         | SERVICE_UNAVAILABLE |
      | Payments.charge | 2         | SERVICE_UNAVAILABLE |
      | Payments.charge | 3         | ok                  |
      | Carrier.ship    | 1         | ok                  |

  @real-1
  Scenario: The last step fails, and the order is undone
    Given "Carrier.ship" fails with "ADDRESS_UNKNOWN"
    When the system "orders" starts
    And "Orders.place" is called with:
      """json
      { "order": "o-1" }
      """
    Then the reply has:
      | path   | value  |
      | /state | undone |
    And the calls are:
      | call            | execution | result          |
      | Orders.place    | 1         | ok              |
      | Stock.reserve   | 1         | ok              |
      | Payments.charge | 1         | ok              |
      | Carrier.ship    | 1         | ADDRESS_UNKNOWN |
      | Payments.refund | 1         | ok              |
      | Stock.release   | 1         | ok              |
    And no effect remains
    And the output of "orders" contains "o-1: ship failed: HTTP Error 500"

  @real-2
  Scenario Outline: The program is killed <when>, restarted, and completes the order
    Given the system "orders" is killed <when>
    When the system "orders" starts
    And "Orders.place" is called with:
      """json
      { "order": "o-1" }
      """
    Then the call fails with "CONNECTION_RESET"
    When the system "orders" restarts
    Then the output of "orders" contains "o-1: resumed, now completed"
    And these effects remain:
      | call            | key          | times |
      | Stock.reserve   | o-1/STOCK    | 1     |
      | Payments.charge | o-1/PAYMENTS | 1     |
      | Carrier.ship    | o-1/CARRIER  | 1     |
    And <call> is executed 2 times

    Examples:
      | when                             | call              |
      | before "Stock.reserve" acts      | "Stock.reserve"   |
      | after "Stock.reserve" has acted  | "Stock.reserve"   |
      | before "Payments.charge" acts    | "Payments.charge" |
      | after "Payments.charge" has acted | "Payments.charge" |
      | before "Carrier.ship" acts       | "Carrier.ship"    |
      | after "Carrier.ship" has acted   | "Carrier.ship"    |

  @real-2
  Scenario Outline: The program is killed <when>, restarted, and undoes the order
    Given "Carrier.ship" fails with "ADDRESS_UNKNOWN"
    And the system "orders" is killed <when>
    When the system "orders" starts
    And "Orders.place" is called with:
      """json
      { "order": "o-1" }
      """
    Then the call fails with "CONNECTION_RESET"
    When the system "orders" restarts
    Then the output of "orders" contains "o-1: resumed, now undone"
    And no effect remains

    Examples:
      | when                              |
      | before "Payments.refund" acts     |
      | after "Payments.refund" has acted |
      | before "Stock.release" acts       |
      | after "Stock.release" has acted   |

  @real-2
  Scenario: A program that sends no keys is found out
    Given the system "orders without keys"
      """json
      {
        "command": ["python3", "examples/python-saga/saga.py", "${/port}"],
        "env": {
          "STOCK": "${/services/Stock}", "PAYMENTS": "${/services/Payments}", "CARRIER": "${/services/Carrier}",
          "JOURNAL": "${/directory}/orders.db", "WITHOUT_KEYS": "yes"
        },
        "ready": "GET /",
        "service": { "name": "Keyless", "operations": { "place": {} } }
      }
      """
    And the system "orders without keys" is killed after "Payments.charge" has acted
    When the system "orders without keys" starts
    And "Keyless.place" is called with:
      """json
      { "order": "o-1" }
      """
    Then the call fails with "CONNECTION_RESET"
    When the system "orders without keys" restarts
    Then the output of "orders without keys" contains "o-1: resumed, now completed"
    And these effects happened:
      | call            | key | times |
      | Stock.reserve   |     | 1     |
      | Payments.charge |     | 2     |
      | Carrier.ship    |     | 1     |

  @real-2
  Scenario: A program that does not go on after a crash is found out
    Given the system "forgetful orders"
      """json
      {
        "command": ["python3", "examples/python-saga/saga.py", "${/port}"],
        "env": {
          "STOCK": "${/services/Stock}", "PAYMENTS": "${/services/Payments}", "CARRIER": "${/services/Carrier}",
          "JOURNAL": "${/directory}/orders.db", "WITHOUT_RESUMING": "yes"
        },
        "ready": "GET /",
        "service": { "name": "Forgetful", "operations": { "place": {} } }
      }
      """
    And the system "forgetful orders" is killed after "Payments.charge" has acted
    When the system "forgetful orders" starts
    And "Forgetful.place" is called with:
      """json
      { "order": "o-1" }
      """
    Then the call fails with "CONNECTION_RESET"
    When the system "forgetful orders" restarts
    And it is quiet for 200 ms
    Then these effects remain:
      | call            | key          | times |
      | Stock.reserve   | o-1/STOCK    | 1     |
      | Payments.charge | o-1/PAYMENTS | 1     |
    And "Carrier.ship" is never executed
