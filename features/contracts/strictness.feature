@needs-contracts
Feature: Strictness of contracts
  `strict` allows only what is declared, `present` checks what is declared and allows more, `none`
  accepts any reply.

  Background:
    Given a service "Weather"

  @integration-11
  Scenario Outline: A <strictness> contract is broken
    Given the contract:
      """json
      {
        "service": "Weather",
        "version": "1",
        "strictness": "<strictness>",
        "operations": [
          {
            "name": "forecast",
            "input": true,
            "output": {
              "type": "object",
              "properties": {
                "days": { "type": "array", "items": { "$ref": "#/$defs/day" } },
                "notes": { "type": "object" }
              },
              "$defs": { "day": { "type": "object", "required": ["rain"], "properties": { "rain": { "type": "number" } } } }
            },
            "cases": [{ "name": "tomorrow", "input": {} }]
          }
        ]
      }
      """
    And "Weather.forecast" replies:
      """json
      <reply>
      """
    When the contract is verified
    Then the contract is broken by:
      | pointer   | keyword   |
      | <pointer> | <keyword> |

    Examples:
      | strictness | reply                                  | pointer      | keyword               |
      | strict     | { "source": "radar" }                  | /source      | additionalProperties  |
      | strict     | { "days": [{ "rain": 1, "sun": 2 }] }  | /days/0/sun  | unevaluatedProperties |
      | strict     | { "days": [{}] }                       | /days/0/rain | required              |
      | present    | { "days": [{ "rain": "no" }] }         | /days/0/rain | type                  |
      | present    | { "days": [{}] }                       | /days/0/rain | required              |

  @integration-11
  Scenario Outline: What a <strictness> contract allows
    Given the contract:
      """json
      {
        "service": "Weather",
        "version": "1",
        "strictness": "<strictness>",
        "operations": [
          {
            "name": "forecast",
            "input": true,
            "output": {
              "type": "object",
              "properties": {
                "rain": { "type": "number" },
                "notes": { "type": "object" }
              }
            },
            "cases": [{ "name": "tomorrow", "input": {} }]
          }
        ]
      }
      """
    And "Weather.forecast" replies:
      """json
      <reply>
      """
    When the contract is verified
    Then the contract holds

    Examples:
      | strictness | reply                                      |
      | strict     | { "rain": 1, "notes": { "wind": "light" } } |
      | present    | { "rain": 1, "sun": 2 }                    |
      | none       | { "rain": "no" }                           |
      | none       | "sunny"                                    |

  @integration-11
  Scenario: A contract that accepts any reply accepts no undeclared error
    Given the contract:
      """json
      {
        "service": "Weather",
        "version": "1",
        "strictness": "none",
        "operations": [
          { "name": "forecast", "input": true, "output": true, "cases": [{ "name": "tomorrow", "input": {} }] }
        ]
      }
      """
    And "Weather" is down
    When the contract is verified
    Then the contract is broken by:
      | breach           | code                |
      | undeclared-error | SERVICE_UNAVAILABLE |
