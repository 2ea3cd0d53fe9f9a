@needs-contracts
Feature: Generated cases
  The schema of an input is enough to generate inputs that must be accepted, and one for each
  keyword that must be refused.

  @integration-11
  Scenario: A service that validates its inputs keeps a contract with generated cases
    Given a service "AgentDirectory"
      """json
      {
        "entity": {
          "name": "Agent",
          "schema": {
            "type": "object",
            "required": ["name"],
            "additionalProperties": false,
            "properties": {
              "id": { "type": "string", "pattern": "^[a-z][a-z0-9-]{0,30}$" },
              "name": { "type": "string", "minLength": 1, "maxLength": 60 },
              "kind": { "type": "string", "enum": ["human", "machine"] },
              "email": { "type": "string", "format": "email" },
              "level": { "type": "integer", "minimum": 1, "maximum": 5 },
              "skills": { "type": "array", "minItems": 1, "maxItems": 3, "uniqueItems": true, "items": { "type": "string", "pattern": "^[a-z]{2,8}$" } }
            }
          }
        },
        "operations": { "addAgent": { "kind": "create" } }
      }
      """
    And the contract "agent-directory"
    When the contract is verified with 8 generated cases per operation
    Then the contract holds

  @integration-11
  Scenario: A service that accepts anything is reported for each keyword that it ignores
    Given a service "Inbox"
    And the contract:
      """json
      {
        "service": "Inbox",
        "version": "1",
        "operations": [
          {
            "name": "send",
            "input": {
              "type": "object",
              "required": ["to"],
              "additionalProperties": false,
              "properties": {
                "to": { "type": "string", "format": "email" },
                "subject": { "type": "string", "minLength": 2, "maxLength": 5, "pattern": "^[a-z]*$" },
                "priority": { "enum": ["low", "high"] },
                "copies": { "type": "integer", "minimum": 0, "maximum": 3 },
                "tags": { "type": "array", "minItems": 1, "maxItems": 2, "items": { "type": "string" } }
              }
            },
            "output": { "type": "object" },
            "errors": [{ "code": "VALIDATION_FAILED" }]
          }
        ]
      }
      """
    When the contract is verified with 1 generated case per operation
    Then the contract is broken by:
      | breach         | operation | pointer     | keyword              |
      | accepts-broken | send      |             | type                 |
      | accepts-broken | send      | /to         | required             |
      | accepts-broken | send      | /undeclared | additionalProperties |
      | accepts-broken | send      | /to         | type                 |
      | accepts-broken | send      | /to         | format               |
      | accepts-broken | send      | /subject    | type                 |
      | accepts-broken | send      | /subject    | minLength            |
      | accepts-broken | send      | /subject    | maxLength            |
      | accepts-broken | send      | /subject    | pattern              |
      | accepts-broken | send      | /priority   | enum                 |
      | accepts-broken | send      | /copies     | type                 |
      | accepts-broken | send      | /copies     | minimum              |
      | accepts-broken | send      | /copies     | maximum              |
      | accepts-broken | send      | /tags       | type                 |
      | accepts-broken | send      | /tags       | minItems             |
      | accepts-broken | send      | /tags       | maxItems             |
      | accepts-broken | send      | /tags/0     | type                 |
    And the contract is broken by, in order:
      | case                              | message                                    |
      | generated: breaks format at "/to" | accepts input that breaks format at "/to" |

  @integration-11
  Scenario: Valid inputs are the smallest, the fullest, then those at the limits
    Given a service "Counter"
    And the contract:
      """json
      {
        "service": "Counter",
        "version": "1",
        "operations": [
          {
            "name": "add",
            "input": {
              "type": "object",
              "required": ["by"],
              "properties": {
                "by": { "type": "integer", "minimum": 1, "maximum": 9 },
                "note": { "examples": ["as asked"] }
              }
            },
            "output": { "type": "object" },
            "errors": [{ "code": "VALIDATION_FAILED" }]
          }
        ]
      }
      """
    And "Counter.add" answers:
      | execution | answer                  |
      | 5-        | error VALIDATION_FAILED |
    When the contract is verified with 4 generated cases per operation
    Then the contract holds
    And the timeline has, in order:
      | event        | call        | input                            |
      | call_started | Counter.add | { "by": 1 }                      |
      | call_started | Counter.add | { "by": 5, "note": "as asked" } |
      | call_started | Counter.add | { "by": 1, "note": "as asked" } |
      | call_started | Counter.add | { "by": 9, "note": "as asked" } |

  @integration-11
  Scenario: An unsupported pattern is reported, and needs examples
    Given a service "Vault"
    And the contract:
      """json
      {
        "service": "Vault",
        "version": "1",
        "operations": [
          {
            "name": "open",
            "input": { "type": "object", "required": ["code"], "properties": { "code": { "type": "string", "pattern": "^(?=.*[0-9])[a-z0-9]+$" } } },
            "output": true
          },
          {
            "name": "close",
            "input": { "type": "object", "required": ["code"], "properties": { "code": { "pattern": "^(?=.*[0-9])[a-z0-9]+$", "examples": ["a1"] } } },
            "output": true,
            "errors": [{ "code": "VALIDATION_FAILED" }]
          }
        ]
      }
      """
    And "Vault.close" answers:
      | execution | answer                  |
      | 2-        | error VALIDATION_FAILED |
    When the contract is verified with 1 generated case per operation
    Then the contract is broken by:
      | breach     | operation | pointer | keyword | message                                                |
      | generation | open      | /code   | pattern | "^(?=.*[0-9])[a-z0-9]+$" is not supported: give "examples" |
