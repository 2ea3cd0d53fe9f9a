@needs-contracts
Feature: Provider contracts
  A provider declares its inputs, outputs and errors.
  Each case of the contract is a call to the service, and every difference is reported.

  Background:
    Given a service "Catalogue"
    And the contract:
      """json
      {
        "service": "Catalogue",
        "version": "2.1.0",
        "operations": [
          {
            "name": "find",
            "input": { "type": "object", "required": ["isbn"], "properties": { "isbn": { "type": "string" } } },
            "output": {
              "type": "object",
              "required": ["isbn", "title"],
              "properties": {
                "isbn": { "type": "string", "pattern": "^[0-9]{13}$" },
                "title": { "type": "string" },
                "state": { "enum": ["new", "used"] },
                "added": { "type": "string", "format": "date" },
                "price": { "type": "object", "properties": { "cents": { "type": "integer" } } }
              }
            },
            "errors": [{ "code": "BOOK_UNKNOWN" }, { "code": "SHOP_CLOSED", "schema": { "required": ["field"] } }],
            "cases": [{ "name": "a book", "input": { "isbn": "9780141439587" } }]
          }
        ]
      }
      """

  @integration-11
  Scenario: A declared reply keeps the contract, and the timeline shows the call
    Given "Catalogue.find" replies:
      """json
      { "isbn": "9780141439587", "title": "Emma", "state": "new", "added": "2024-02-29", "pages": 474 }
      """
    When the contract is verified
    Then the contract holds
    And 1 case is verified
    And the timeline has, in order:
      | event        | caller   | call           | result |
      | call_started | contract | Catalogue.find |        |
      | call_ended   | contract | Catalogue.find | ok     |

  @integration-11
  Scenario: A declared error keeps the contract
    Given "Catalogue.find" fails with "BOOK_UNKNOWN"
    When the contract is verified
    Then the contract holds

  @integration-11
  Scenario: An undeclared error is reported with its code
    Given "Catalogue.find" fails with "SHOP_BURNT_DOWN"
    When the contract is verified
    Then the contract is broken by:
      | breach           | operation | case   | pointer | keyword | code            |
      | undeclared-error | find      | a book |         |         | SHOP_BURNT_DOWN |

  @integration-11
  Scenario: A declared error must match its schema
    Given "Catalogue.find" fails with "SHOP_CLOSED"
    When the contract is verified
    Then the contract is broken by:
      | breach        | operation | case   | pointer | keyword  | code        |
      | error-details | find      | a book | /field  | required | SHOP_CLOSED |

  @integration-11
  Scenario Outline: A broken <keyword> is reported with its pointer
    Given "Catalogue.find" replies:
      """json
      <reply>
      """
    When the contract is verified
    Then the contract is broken by:
      | breach | operation | case   | pointer   | keyword   |
      | output | find      | a book | <pointer> | <keyword> |

    Examples:
      | keyword  | pointer      | reply                                                                             |
      | pattern  | /isbn        | { "isbn": "978-0141439587", "title": "Emma" }                                     |
      | required | /title       | { "isbn": "9780141439587" }                                                       |
      | type     | /price/cents | { "isbn": "9780141439587", "title": "Emma", "price": { "cents": "799" } }         |
      | enum     | /state       | { "isbn": "9780141439587", "title": "Emma", "state": "torn" }                     |
      | format   | /added       | { "isbn": "9780141439587", "title": "Emma", "added": "2023-02-29" }               |

  @integration-11
  Scenario: All breaches are reported together
    Given "Catalogue.find" replies:
      """json
      { "isbn": 7, "state": "torn" }
      """
    When the contract is verified
    Then the contract is broken by:
      | pointer | keyword  | message                            |
      | /isbn   | type     | 7 is not of type "string"          |
      | /state  | enum     | "torn" is not one of "new" or "used" |
      | /title  | required | is required                        |

  @integration-11
  Scenario: Faults and retries apply to calls that verify a contract
    Given "Catalogue.find" replies:
      """json
      { "isbn": "9780141439587", "title": "Emma" }
      """
    And "Catalogue.find" fails 2 times with "NETWORK_TIMEOUT"
    And every call is retried up to 2 times
    When the contract is verified
    Then the contract holds
    And "Catalogue.find" is executed 3 times

  @integration-11
  Scenario: A contract without operations is broken
    Given the contract:
      """json
      { "service": "Catalogue", "version": "1", "operations": [] }
      """
    When the contract is verified
    Then the contract is broken by:
      | breach | message                                         |
      | empty  | the contract of Catalogue promises no operation |

  @integration-11
  Scenario: An operation without cases is reported
    Given the contract:
      """json
      {
        "service": "Catalogue",
        "version": "1",
        "operations": [
          { "name": "find", "input": true, "output": true, "cases": [{ "name": "any", "input": {} }] },
          { "name": "list", "input": true, "output": true }
        ]
      }
      """
    When the contract is verified
    Then the contract is broken by:
      | breach | operation | case | message                                                 |
      | empty  | list      |      | the operation has no case, so nothing was verified      |

  @integration-11
  Scenario: The result of a case is compared with what it expects
    Given the contract:
      """json
      {
        "service": "Catalogue",
        "version": "1",
        "operations": [
          {
            "name": "find",
            "input": true,
            "output": { "type": "object" },
            "errors": [{ "code": "BOOK_UNKNOWN" }, { "code": "SHOP_CLOSED" }],
            "cases": [
              { "name": "same title", "input": {}, "expect": { "output": { "title": "Emma" } } },
              { "name": "other title", "input": {}, "expect": { "output": { "title": "Persuasion" } } },
              { "name": "no failure", "input": {}, "expect": { "error": "BOOK_UNKNOWN" } },
              { "name": "no reply", "input": {}, "expect": { "output": {} } },
              { "name": "other failure", "input": {}, "expect": { "error": "SHOP_CLOSED" } },
              { "name": "same failure", "input": {}, "expect": { "error": "BOOK_UNKNOWN" } }
            ]
          }
        ]
      }
      """
    And "Catalogue.find" replies:
      """json
      { "title": "Emma", "pages": 474 }
      """
    And "Catalogue.find" answers:
      | execution | answer             |
      | 4-        | error BOOK_UNKNOWN |
    When the contract is verified
    Then the contract is broken by:
      | breach           | case          | pointer | keyword  | code         |
      | output           | other title   | /title  | equality |              |
      | unexpected-reply | no failure    |         |          |              |
      | unexpected-error | no reply      |         |          | BOOK_UNKNOWN |
      | unexpected-error | other failure |         |          | BOOK_UNKNOWN |
    And 6 cases are verified

  @integration-11
  Scenario: An unknown service is reported with the nearest name
    Given the contract:
      """json
      { "service": "Catalog", "version": "1", "operations": [{ "name": "find", "input": true, "output": true }] }
      """
    When the contract is verified
    Then the contract is broken by:
      | breach          | operation | message                                                         |
      | missing-service |           | service "Catalog" does not exist: did you mean "Catalogue"? |

  @integration-11
  Scenario: An unknown operation is reported with the nearest name, and the others are verified
    Given a service "Shelf"
      """json
      { "operations": { "place": {}, "remove": {} } }
      """
    And the contract:
      """json
      {
        "service": "Shelf",
        "version": "1",
        "operations": [
          { "name": "plase", "input": true, "output": true, "cases": [{ "name": "any", "input": {} }] },
          { "name": "remove", "input": true, "output": true, "cases": [{ "name": "any", "input": {} }] }
        ]
      }
      """
    When the contract is verified
    Then the contract is broken by:
      | breach            | operation | message                                                            |
      | missing-operation | plase     | operation "Shelf.plase" does not exist: did you mean "place"? |
    And "Shelf.remove" is executed 1 time
