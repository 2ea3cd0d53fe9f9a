@needs-contracts
Feature: Faulty contracts
  A contract is data and read strictly: all its faults are reported when it is loaded, each with its
  JSON pointer.

  @integration-11
  Scenario: A valid contract has no faults
    When the contract is loaded:
      """json
      { "service": "S", "version": "1", "operations": [{ "name": "o", "input": {}, "output": {} }] }
      """
    Then the fixture is sound

  @integration-11
  Scenario: All faults of a provider contract are reported together
    When the contract is loaded:
      """json
      {
        "service": "S",
        "strictness": "strickt",
        "operations": [
          { "name": "o", "inptu": {}, "input": {}, "output": {}, "errors": [{ "code": "not a code" }] }
        ]
      }
      """
    Then the fixture has these faults:
      | pointer                     | message                                          |
      | /operations/0/errors/0/code | does not match                                   |
      | /operations/0/inptu         | did you mean "input"?                            |
      | /strictness                 | "strickt" is not one of "strict", "present"      |
      | /version                    | is required                                      |

  @integration-11
  Scenario: Repeated names, invalid schemas, and inputs that break their own schema are reported
    When the contract is loaded:
      """json
      {
        "service": "S",
        "version": "1",
        "states": { "empty": [] },
        "operations": [
          {
            "name": "o",
            "input": { "type": "object", "required": ["id"] },
            "output": { "properties": { "at": { "type": "strng" } } },
            "errors": [{ "code": "A" }, { "code": "A" }, { "code": "B", "schema": { "minimum": "1" } }],
            "cases": [
              { "name": "c", "input": {} },
              { "name": "c", "input": {}, "expect": { "error": "A" } }
            ]
          },
          { "name": "o", "input": true, "output": { "$ref": "#/$defs/none" } }
        ]
      }
      """
    Then the fixture has these faults:
      | pointer                                 | message                             |
      | /states/empty                           | a state needs at least one call     |
      | /operations/0/output/properties/at/type | did you mean "string"?              |
      | /operations/0/errors/1/code             | the error "A" is declared twice     |
      | /operations/0/errors/2/schema/minimum   | is not of type                      |
      | /operations/0/cases/0/input/id          | is required                         |
      | /operations/0/cases/1/name              | the case "c" is declared twice      |
      | /operations/1/name                      | the operation "o" is declared twice |
      | /operations/1/output                    | $defs/none                          |

  @integration-11
  Scenario: All faults of a consumer contract are reported together
    When the contract is loaded:
      """json
      {
        "consumer": "C",
        "provider": "P",
        "interactions": [
          {
            "description": "d",
            "request": { "operation": "o", "input": {} },
            "response": { "output": { "items": [{ "id": "a" }] } },
            "matchingRules": {
              "items": { "match": "type" },
              "/items/*/id": { "match": "regex", "regex": "(" },
              "/items/1": { "match": "type" }
            }
          },
          {
            "description": "d",
            "request": { "operation": "o", "input": {} },
            "response": { "error": "A" },
            "matchingRules": { "/code": { "match": "type" } }
          }
        ]
      }
      """
    Then the fixture has these faults:
      | pointer                                          | message                                       |
      | /interactions/0/matchingRules/items              | is not a JSON pointer                         |
      | /interactions/0/matchingRules/~1items~1*~1id/regex | is not a valid regular expression           |
      | /interactions/0/matchingRules/~1items~11         | does not exist in the response's output       |
      | /interactions/1/description                      | the interaction "d" is declared twice         |
      | /interactions/1/matchingRules                    | rules match an output                         |

  @integration-11
  Scenario: Unknown matching rules and missing fields are reported
    When the contract is loaded:
      """json
      {
        "consumer": "C",
        "provider": "P",
        "interactions": [
          {
            "description": "d",
            "request": { "operation": "o" },
            "response": { "output": { "a": 1, "b": 2, "c": 3 } },
            "matchingRules": { "/a": { "match": "tpye" }, "/b": { "match": "regex" }, "/c": { "match": "arrayMin", "minn": 1 } }
          }
        ]
      }
      """
    Then the fixture has these faults:
      | pointer                                   | message                          |
      | /interactions/0/matchingRules/~1a/match   | "tpye" is not one of             |
      | /interactions/0/matchingRules/~1b/regex   | is required                      |
      | /interactions/0/matchingRules/~1c/min     | is required                      |
      | /interactions/0/matchingRules/~1c/minn    | did you mean "min"?              |
      | /interactions/0/request/input             | is required                      |
