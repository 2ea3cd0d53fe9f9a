Feature: Services that answer by what they are sent
  A definition can give an operation several answers, each to inputs with certain fields. The first that fits
  answers; what fits none gets the operation's reply.

  Background:
    Given a service "Calculator"
      """json
      {
        "codes": { "DIVISION_BY_ZERO": { "mode": "agent_logic" } },
        "operations": {
          "divide": {
            "reply": { "result": null },
            "answers": [
              { "to": { "b": 0 }, "error": "DIVISION_BY_ZERO" },
              { "to": { "a": 6, "b": 2 }, "reply": { "result": 3 } },
              { "to": { "of": { "kind": "half" } }, "reply": { "result": 0.5 } }
            ]
          }
        }
      }
      """

  Scenario Outline: <input> gets <reply>
    When "Calculator.divide" is called with:
      """json
      <input>
      """
    Then the call succeeds
    And the reply is:
      """json
      <reply>
      """

    Examples:
      | input                                  | reply              |
      | { "a": 6, "b": 2 }                     | { "result": 3 }    |
      | { "a": 6, "b": 2, "unit": "apples" }   | { "result": 3 }    |
      | { "of": { "kind": "half", "what": 1 } } | { "result": 0.5 } |
      | { "a": 6, "b": 3 }                     | { "result": null } |
      | { "of": "half" }                       | { "result": null } |

  Scenario: An input may get an error
    When "Calculator.divide" is called with:
      """json
      { "a": 6, "b": 0 }
      """
    Then the call fails with "DIVISION_BY_ZERO"

  Scenario: A script comes before the definition
    Given "Calculator.divide" replies:
      """json
      { "result": 42 }
      """
    When "Calculator.divide" is called with:
      """json
      { "a": 6, "b": 2 }
      """
    Then the reply is:
      """json
      { "result": 42 }
      """
