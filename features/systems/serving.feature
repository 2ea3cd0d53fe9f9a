@wall-clock @needs-http
Feature: Services over HTTP
  Played services listen on loopback, each at a port of its own for every caller. What is asked of them
  wrongly is answered and recorded.

  Background:
    Given a service "Payments"
      """json
      {
        "keyHeader": "X-Request-Id",
        "codes": { "CARD_DECLINED": { "status": 402 } },
        "operations": {
          "charge": { "http": "PUT /charges/{id}", "reply": { "state": "charged" } },
          "refund": { "undoes": "charge" }
        }
      }
      """
    And the services are served over HTTP

  @real-7 @needs-curl
  Scenario Outline: A request with <fault> is answered and recorded
    Given the system "client"
      """json
      { "command": ["curl", "-sS", "-w", " %{http_code}", <arguments>], "once": true, "within": "60s" }
      """
    When the system "client" starts
    Then the output of "client" contains "<answer>"
    And the output of "client" contains " <status>"
    And the timeline has, in order:
      | event        | system | about    |
      | system_ended | client |          |
    And "Payments.charge" is never executed

    Examples:
      | fault              | arguments                                                                          | answer                  | status |
      | an unknown path    | "-XPUT", "${/services/Payments}/charge/7"                                          | PUT /charges/{id}       | 404    |
      | another method     | "-XPOST", "${/services/Payments}/charges/7"                                        | has no POST /charges/7  | 405    |
      | a body of no JSON  | "-XPUT", "-d", "sum=5", "${/services/Payments}/charges/7"                          | the body is not valid JSON | 400 |
      | a list as its body | "-XPUT", "-d", "[1]", "${/services/Payments}/charges/7"                            | must be an object       | 400    |

  @real-7 @needs-curl
  Scenario: A caller that goes away is on the timeline
    Given "Payments.charge" hangs
    And the system "client"
      """json
      { "command": ["curl", "-sS", "--max-time", "0.2", "-XPUT", "${/services/Payments}/charges/7"], "once": true, "within": "60s" }
      """
    When the system "client" starts
    And it is quiet for 50 ms
    Then the system "client" has ended with 28
    And the calls are:
      | call            | result    |
      | Payments.charge | CANCELLED |

  @real-7 @needs-curl
  Scenario: Path, query, key and trace of a request are those of the call
    Given the system "client"
      """json
      {
        "command": [
          "curl", "-sS", "-XPUT", "-d", "{\"sum\": 5}", "-H", "X-Request-Id: k-1",
          "-H", "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
          "${/services/Payments}/charges/c%201?note=a+b"
        ],
        "once": true, "within": "60s"
      }
      """
    When the system "client" starts
    Then the output of "client" contains "charged"
    And "Payments.charge" received:
      """json
      { "sum": 5, "id": "c 1", "note": "a b" }
      """
    And these effects happened:
      | call            | key | times |
      | Payments.charge | k-1 | 1     |
    And the timeline has, in order:
      | event        | call            | caller | traceparent                                             |
      | call_started | Payments.charge | client | 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 |

  @real-7
  Scenario: A code has the status that the service's definition gives it
    Given "Payments.charge" fails with "CARD_DECLINED"
    When "Payments.charge" is called over HTTP with:
      """json
      { "id": 7 }
      """
    Then the call fails with "CARD_DECLINED"

  @real-9 @needs-python3
  Scenario: A live service fails by execution, as a played one does
    Given the system "rates"
      """json
      {
        "command": ["python3", "features/systems/clients/rates.py", "${/port}"],
        "ready": "port",
        "service": { "name": "Rates", "operations": { "quote": { "http": "GET /quotes/{currency}" } } }
      }
      """
    And "Rates.quote" answers:
      | execution | answer                    |
      | 1         | ok                        |
      | 2         | error SERVICE_UNAVAILABLE |
      | 3         | ok                        |
    And every call is retried up to 1 time
    And a circuit breaker on "Rates" opening after 5 failures for 1 s
    When the system "rates" starts
    And "Rates.quote" is called with:
      """json
      { "currency": "EUR" }
      """
    And "Rates.quote" is called with:
      """json
      { "currency": "USD" }
      """
    Then the reply is:
      """json
      { "currency": "USD", "rate": 2 }
      """
    And "Rates.quote" is executed 3 times
    When "Rates.quote" is called with:
      """json
      { "currency": "XXX" }
      """
    Then the call fails with "CURRENCY_NOT_FOUND"
    And the failure has:
      | path     | value               |
      | /message | XXX is not quoted   |
      | /service | Rates               |

  @real-9
  Scenario: A service at an address where nothing listens refuses the connection
    Given the service "Rates" is at "http://127.0.0.1:9"
    When "Rates.quote" is called
    Then the call fails with "CONNECTION_REFUSED"

  @real-9 @needs-python3 @needs-contracts
  Scenario: A live service is verified against its contract
    Given the system "rates"
      """json
      {
        "command": ["python3", "features/systems/clients/rates.py", "${/port}"],
        "ready": "port",
        "service": { "name": "Rates", "operations": { "quote": { "http": "GET /quotes/{currency}" } } }
      }
      """
    And the contract:
      """json
      {
        "service": "Rates",
        "version": "1.0.0",
        "operations": [
          {
            "name": "quote",
            "input": { "type": "object" },
            "output": {
              "type": "object",
              "required": ["currency", "rate"],
              "properties": { "rate": { "type": "number", "maximum": 1 } }
            },
            "errors": [{ "code": "CURRENCY_NOT_FOUND" }],
            "cases": [
              { "name": "euros", "input": { "currency": "EUR" } },
              { "name": "dollars", "input": { "currency": "USD" } },
              { "name": "no currency", "input": { "currency": "XXX" } }
            ]
          }
        ]
      }
      """
    When the system "rates" starts
    And the contract is verified
    Then the contract is broken by:
      | operation | case    | pointer | keyword |
      | quote     | dollars | /rate   | maximum |

  @real-1
  Scenario: A timeline in real time is compared without its times
    Given "Payments.charge" answers:
      | execution | answer                    |
      | 1         | error SERVICE_UNAVAILABLE |
      | 2         | after 20 ms ok            |
    When "Payments.charge" is called over HTTP with:
      """json
      { "id": 7 }
      """
    And "Payments.charge" is called over HTTP with:
      """json
      { "id": 7 }
      """
    Then the timeline matches the snapshot
