@wall-clock @needs-http
Feature: Faults of the wire
  What a client makes of a fault on the wire is its own: its error, and how many requests it sends. Some
  clients repeat a request by themselves, and their user never hears of the fault.

  Background:
    Given a service "Payments"
      """json
      {
        "operations": {
          "status": {
            "http": "GET /status",
            "reply": {
              "id": "charge-0001", "sum": 4200, "currency": "EUR", "state": "settled",
              "remarks": "so long that a connection can break within it, whatever is at its beginning and its end, and that the client knows how much of it is absent"
            }
          }
        }
      }
      """
    And the services are served over HTTP

  @real-3 @needs-curl
  Scenario Outline: Curl meets this: <fault>
    Given "Payments.status" answers:
      | execution | answer   |
      | 1         | <answer> |
    And the system "client"
      """json
      { "command": ["curl", "-sS", "-w", "status %{http_code}", "${/services/Payments}/status", "--max-time", "<seconds>"], "once": true, "within": "60s" }
      """
    When the system "client" starts
    Then the system "client" has ended with <exit>
    And the output of "client" contains "<outcome>"
    And the output of "client" contains "status <status>"
    And "Payments.status" is executed <requests>

    Examples:
      | fault         | answer                    | seconds | exit | status | outcome             | requests |
      | reset         | error CONNECTION_RESET    | 30      | 56   | 000    | reset by peer       | 1 time   |
      | reset in body | reset after 50 bytes      | 30      | 56   | 200    | reset by peer       | 1 time   |
      | empty         | empty                     | 30      | 52   | 000    | Empty reply         | 1 time   |
      | cut in body   | cut after 50 bytes        | 30      | 18   | 200    | 168 bytes remaining | 1 time   |
      | bad chunk     | bad chunk                 | 30      | 56   | 200    | chunk               | 1 time   |
      | garbage       | garbage                   | 30      | 1    | 000    | HTTP/0.9            | 1 time   |
      | slow body     | drip 300 ms               | 30      | 0    | 200    | settled             | 1 time   |
      | stall in body | stall after 50 bytes      | 1       | 28   | 200    | timed out           | 1 time   |
      | 429           | error RATE_LIMITED        | 30      | 0    | 429    | RATE_LIMITED        | 1 time   |
      | 503           | error SERVICE_UNAVAILABLE | 30      | 0    | 503    | SERVICE_UNAVAILABLE | 1 time   |

  @real-3 @needs-python3
  Scenario Outline: Python's urllib meets this: <fault>
    Given "Payments.status" answers:
      | execution | answer   |
      | 1         | <answer> |
    And the system "client"
      """json
      { "command": ["python3", "features/systems/clients/urllib_client.py", "${/services/Payments}/status", "<seconds>"], "once": true, "within": "60s" }
      """
    When the system "client" starts
    Then the output of "client" contains "<outcome>"
    And "Payments.status" is executed <requests>

    Examples:
      | fault         | answer                    | seconds | outcome                                          | requests |
      | reset         | error CONNECTION_RESET    | 30      | ConnectionResetError                             | 1 time   |
      | reset in body | reset after 50 bytes      | 30      | ConnectionResetError                             | 1 time   |
      | empty         | empty                     | 30      | RemoteDisconnected                               | 1 time   |
      | cut in body   | cut after 50 bytes        | 30      | IncompleteRead(50 bytes read, 168 more expected) | 1 time   |
      | bad chunk     | bad chunk                 | 30      | IncompleteRead                                   | 1 time   |
      | garbage       | garbage                   | 30      | BadStatusLine                                    | 1 time   |
      | slow body     | drip 300 ms               | 30      | 200                                              | 1 time   |
      | stall in body | stall after 50 bytes      | 1       | TimeoutError                                     | 1 time   |
      | 429           | error RATE_LIMITED        | 30      | HTTPError 429                                    | 1 time   |
      | 503           | error SERVICE_UNAVAILABLE | 30      | HTTPError 503                                    | 1 time   |

  @real-3 @needs-python3 @needs-requests
  Scenario Outline: Python's requests meets this: <fault>
    Given "Payments.status" answers:
      | execution | answer   |
      | 1         | <answer> |
    And the system "client"
      """json
      { "command": ["python3", "features/systems/clients/requests_client.py", "${/services/Payments}/status", "<seconds>"], "once": true, "within": "60s" }
      """
    When the system "client" starts
    Then the output of "client" contains "<outcome>"
    And "Payments.status" is executed <requests>

    Examples:
      | fault         | answer                    | seconds | outcome                         | requests |
      | reset         | error CONNECTION_RESET    | 30      | ConnectionError                 | 1 time   |
      | reset in body | reset after 50 bytes      | 30      | ChunkedEncodingError            | 1 time   |
      | empty         | empty                     | 30      | ConnectionError                 | 1 time   |
      | cut in body   | cut after 50 bytes        | 30      | ChunkedEncodingError            | 1 time   |
      | bad chunk     | bad chunk                 | 30      | ChunkedEncodingError            | 1 time   |
      | garbage       | garbage                   | 30      | ConnectionError                 | 1 time   |
      | slow body     | drip 300 ms               | 30      | 200                             | 1 time   |
      | stall in body | stall after 50 bytes      | 1       | ConnectionError: Read timed out | 1 time   |
      | 429           | error RATE_LIMITED        | 30      | 429                             | 1 time   |
      | 503           | error SERVICE_UNAVAILABLE | 30      | 503                             | 1 time   |

  @real-3 @needs-node
  Scenario Outline: Node's fetch meets this: <fault>
    Given "Payments.status" answers:
      | execution | answer   |
      | 1         | <answer> |
    And the system "client"
      """json
      { "command": ["node", "features/systems/clients/fetch.mjs", "${/services/Payments}/status", "<seconds>"], "once": true, "within": "60s" }
      """
    When the system "client" starts
    Then the output of "client" contains "<outcome>"
    And "Payments.status" is executed <requests>

    Examples:
      | fault         | answer                    | seconds | outcome                   | requests |
      | reset         | error CONNECTION_RESET    | 30      | ECONNRESET                | 1 time   |
      | reset in body | reset after 50 bytes      | 30      | terminated ECONNRESET     | 1 time   |
      | empty         | empty                     | 30      | UND_ERR_SOCKET            | 1 time   |
      | cut in body   | cut after 50 bytes        | 30      | terminated UND_ERR_SOCKET | 1 time   |
      | bad chunk     | bad chunk                 | 30      | HPE_INVALID_CHUNK_SIZE    | 1 time   |
      | garbage       | garbage                   | 30      | HPE_INVALID_CONSTANT      | 1 time   |
      | slow body     | drip 300 ms               | 30      | 200                       | 1 time   |
      | stall in body | stall after 50 bytes      | 1       | TimeoutError              | 1 time   |
      | 429           | error RATE_LIMITED        | 30      | 429                       | 1 time   |
      | 503           | error SERVICE_UNAVAILABLE | 30      | 503                       | 1 time   |

  @real-3 @needs-java
  Scenario Outline: The JDK's client meets this: <fault>
    Given "Payments.status" answers:
      | execution | answer   |
      | 1         | <answer> |
    And the system "client"
      """json
      { "command": ["java", "features/systems/clients/JdkClient.java", "${/services/Payments}/status", "<seconds>"], "once": true, "within": "60s" }
      """
    When the system "client" starts
    Then the output of "client" contains "<outcome>"
    And "Payments.status" is executed <requests>

    Examples:
      | fault         | answer                    | seconds | outcome                  | requests |
      | reset         | error CONNECTION_RESET    | 30      | 200                      | 2 times  |
      | reset in body | reset after 50 bytes      | 30      | IOException: fixed content-length: 218, bytes received: 50 | 1 time   |
      | empty         | empty                     | 30      | 200                      | 2 times  |
      | cut in body   | cut after 50 bytes        | 30      | IOException: fixed content-length: 218, bytes received: 50 | 1 time   |
      | bad chunk     | bad chunk                 | 30      | IOException: Illegal character in chunk size  | 1 time   |
      | garbage       | garbage                   | 30      | ProtocolException        | 1 time   |
      | slow body     | drip 300 ms               | 30      | 200                      | 1 time   |
      | 429           | error RATE_LIMITED        | 30      | 429                      | 1 time   |
      | 503           | error SERVICE_UNAVAILABLE | 30      | 503                      | 1 time   |

  @real-3 @needs-java
  Scenario: The JDK's client hangs past its time-out in a body that stalls
    Given "Payments.status" answers:
      | execution | answer               |
      | 1         | stall after 50 bytes |
    And the system "client"
      """json
      { "command": ["java", "features/systems/clients/JdkClient.java", "${/services/Payments}/status", "1"] }
      """
    When the system "client" starts
    And "Payments.status" is reached 1 time
    And it is quiet for 3 s
    Then the system "client" is running
    And "Payments.status" is executed 1 time
