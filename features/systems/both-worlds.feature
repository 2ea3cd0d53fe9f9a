@needs-http
Feature: The same vocabulary in both worlds
  What a scenario says of a service holds whether the service is called in the process, on virtual time,
  or over HTTP.

  @real-4
  Scenario Outline: A service that <fault> is the same <world>
    Given a service "Payments"
      """json
      { "codes": { "CARD_DECLINED": {} }, "operations": { "charge": { "reply": { "id": "c-1" } } } }
      """
    And <given>
    And "Payments.charge" answers:
      | execution | answer   |
      | 1         | <answer> |
      | 2         | ok       |
    When "Payments.charge" <called>
    And "Payments.charge" <called>
    Then the calls are:
      | call            | execution | result   |
      | Payments.charge | 1         | <result> |
      | Payments.charge | 2         | ok       |
    And the reply is:
      """json
      { "id": "c-1" }
      """

    Examples:
      | fault                          | answer                              | result             | world           | given      | called |
      | declines                       | error CARD_DECLINED                 | CARD_DECLINED      | in the process  | the seed 1 | is called |
      | is unavailable                 | error SERVICE_UNAVAILABLE           | SERVICE_UNAVAILABLE | in the process | the seed 1 | is called |
      | limits its callers             | error RATE_LIMITED retry after 30 s | RATE_LIMITED       | in the process  | the seed 1 | is called |
      | breaks the connection          | error CONNECTION_RESET              | CONNECTION_RESET   | in the process  | the seed 1 | is called |
      | breaks off                     | cut after 3 bytes                   | CONNECTION_RESET   | in the process  | the seed 1 | is called |
      | resets within its answer       | reset after 3 bytes                 | CONNECTION_RESET   | in the process  | the seed 1 | is called |
      | says nothing                   | empty                               | CONNECTION_RESET   | in the process  | the seed 1 | is called |
      | acts, then fails               | acts then error CARD_DECLINED       | CARD_DECLINED      | in the process  | the seed 1 | is called |
      | talks nonsense                 | garbage                             | CONTRACT_VIOLATION | in the process  | the seed 1 | is called |
      | answers with a status          | status 503                          | SERVICE_UNAVAILABLE | in the process | the seed 1 | is called |
      | answers with an unknown status | status 418 { "why": "tea" }         | HTTP_418           | in the process  | the seed 1 | is called |
      | gets a request twice           | twice                               | ok                 | in the process  | the seed 1 | is called |
      | corrupts its reply             | corrupt                             | CORRUPTION_DETECTED | in the process | the seed 1 | is called |
      | is slow                        | after 20 ms ok                      | ok                 | in the process  | the seed 1 | is called |
      | drips                          | drip 30 ms                          | ok                 | in the process  | the seed 1 | is called |

    @wall-clock
    Examples:
      | fault                          | answer                              | result             | world     | given                             | called |
      | declines | error CARD_DECLINED | CARD_DECLINED | over HTTP | the services are served over HTTP | is called over HTTP |
      | is unavailable | error SERVICE_UNAVAILABLE | SERVICE_UNAVAILABLE | over HTTP | the services are served over HTTP | is called over HTTP |
      | limits its callers | error RATE_LIMITED retry after 30 s | RATE_LIMITED | over HTTP | the services are served over HTTP | is called over HTTP |
      | breaks the connection | error CONNECTION_RESET | CONNECTION_RESET | over HTTP | the services are served over HTTP | is called over HTTP |
      | breaks off | cut after 3 bytes | CONNECTION_RESET | over HTTP | the services are served over HTTP | is called over HTTP |
      | resets within its answer | reset after 3 bytes | CONNECTION_RESET | over HTTP | the services are served over HTTP | is called over HTTP |
      | says nothing | empty | CONNECTION_RESET | over HTTP | the services are served over HTTP | is called over HTTP |
      | acts, then fails | acts then error CARD_DECLINED | CARD_DECLINED | over HTTP | the services are served over HTTP | is called over HTTP |
      | talks nonsense | garbage | CONTRACT_VIOLATION | over HTTP | the services are served over HTTP | is called over HTTP |
      | answers with a status | status 503 | SERVICE_UNAVAILABLE | over HTTP | the services are served over HTTP | is called over HTTP |
      | answers with an unknown status | status 418 { "why": "tea" } | HTTP_418 | over HTTP | the services are served over HTTP | is called over HTTP |
      | gets a request twice | twice | ok | over HTTP | the services are served over HTTP | is called over HTTP |
      | corrupts its reply | corrupt | CORRUPTION_DETECTED | over HTTP | the services are served over HTTP | is called over HTTP |
      | is slow | after 20 ms ok | ok | over HTTP | the services are served over HTTP | is called over HTTP |
      | drips | drip 30 ms | ok | over HTTP | the services are served over HTTP | is called over HTTP |
