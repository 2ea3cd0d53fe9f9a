Feature: Service definitions
  A service is defined by a few lines of JSON: its operations, their latencies,
  replies and failure codes. No code has to be written.

  Scenario: A service is defined within a feature
    Given a service "Queue"
      """json
      {
        "description": "Takes messages.",
        "operations": {
          "push": { "kind": "create", "latency": "20 ms", "reply": { "position": 1 } },
          "peek": { "kind": "get", "latency": "5 ms" }
        }
      }
      """
    When "Queue.push" is called
    Then it takes 20 ms
    And the reply is:
      """json
      { "position": 1.0 }
      """
    When "Queue.peek" is called
    Then it takes 5 ms
    And the reply is:
      """json
      {}
      """

  Scenario: A service has its own failure codes
    Given a service "Queue"
      """json
      {
        "codes": {
          "QUEUE_BUSY": { "description": "Come back soon.", "mode": "resource_api", "retryable": true },
          "QUEUE_CLOSED": { "mode": "resource_api", "retryable": false }
        },
        "operations": { "push": { "kind": "create" } }
      }
      """
    And every call is retried up to 3 times
    And "Queue.push" answers:
      | execution | answer             |
      | 1-2       | error QUEUE_BUSY   |
      | 3         | error QUEUE_CLOSED |
    When "Queue.push" is called
    Then the call fails with "QUEUE_CLOSED"
    And it takes 300 ms
    And the failure has:
      | path              | value        |
      | /mode             | resource_api |
      | /retryable        | false        |
      | /executions       | 3            |
      | /causes/0/code    | QUEUE_BUSY   |
      | /causes/1/code    | QUEUE_BUSY   |

  Scenario: A read leaves no effect
    Given a service "Queue"
      """json
      { "operations": { "peek": { "kind": "get" }, "list": { "kind": "list" } } }
      """
    When "Queue.peek" is called
    And "Queue.list" is called
    Then nothing has an effect

  Scenario: Services of a class share its bulkhead
    Given a service "Thumbnails"
      """json
      { "class": "background", "operations": { "make": { "latency": "100 ms" } } }
      """
    And a service "Reports"
      """json
      { "class": "background", "operations": { "write": { "latency": "100 ms" } } }
      """
    And a bulkhead of 2 calls on "background"
    When these calls are made at once:
      | call            | times |
      | Thumbnails.make | 2     |
      | Reports.write   | 2     |
    Then 4 calls succeed
    And it takes 200 ms
    And at most 2 calls to "background" run at once
    And no call to "Thumbnails" starts after 0 ms

  @needs-json-schema @configuration-16
  Scenario Outline: The platform answers <call> in <time>
    Given the services from "agent-platform"
    When "<call>" is called with:
      """json
      <input>
      """
    Then the call succeeds
    And it takes <time>
    And the reply has:
      | path   | value   |
      | <path> | <value> |

    Examples:
      | call                                               | input                                        | time   | path                      | value                     |
      | PersonalityService.suggestAlternativePersonalities | {"personalityId": "careful-coach"}           | 100 ms | /suggestions/0/similarity | 0.85                      |
      | PersonalityService.reservePersonality              | {"id": "creative-mentor"}                    | 50 ms  | /reservationId            | personality-reservation-1 |
      | RoleService.reserveRole                            | {"id": "software-mentor"}                    | 50 ms  | /reservationId            | custom-role-reservation-1 |
      | AgentService.validateAgentComposition              | {"id": "grace"}                              | 150 ms | /compositionScore         | 0.92                      |
      | AgentService.syncAgentWithPersonality              | {"id": "grace", "personalityVersion": 2}     | 180 ms | /syncStatus               | synchronized              |
      | FileService.updateFile                             | {"path": "agents/grace.json", "content": {}} | 90 ms  | /backupCreated            | true                      |
      | ValidationService.validateSystemConsistency        | {}                                           | 110 ms | /isValid                  | true                      |
      | ModelService.validateCompatibility                 | {}                                           | 160 ms | /modelId                  | standard-model            |
      | ConfigurationService.createUnifiedConfiguration    | {}                                           | 250 ms | /id                       | ada-configuration         |

  @needs-json-schema
  Scenario: A second definition replaces the first
    Given the services from "agent-platform"
    And "FileService" is slowed by 1 s
    And a service "FileService"
      """json
      { "operations": { "createFile": { "kind": "create", "latency": "5 ms" } } }
      """
    When "FileService.createFile" is called
    Then it takes 5 ms
