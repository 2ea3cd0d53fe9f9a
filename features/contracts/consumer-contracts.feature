@needs-contracts
Feature: Consumer contracts
  A consumer's contract says what it relies on, as recorded interactions and rules for where a reply
  may differ. Any service can be verified against it, a mock or an entity service.

  @integration-11
  Scenario: An entity service keeps a consumer contract that names provider states
    Given a service "RoleService"
      """json
      {
        "entity": { "name": "Role", "schema": { "type": "object", "required": ["name"] } },
        "operations": { "createRole": { "kind": "create" }, "getRole": { "kind": "get" }, "deleteRole": { "kind": "delete" } }
      }
      """
    And the contract "agents-of-roles"
    When the contract is verified
    Then the contract holds
    And 2 cases are verified
    And the calls are:
      | call                   | result         |
      | RoleService.createRole | ok             |
      | RoleService.getRole    | ok             |
      | RoleService.deleteRole | ROLE_NOT_FOUND |

  @integration-11
  Scenario Outline: A reply that breaks the rule <rule> is reported
    Given a service "Orders"
    And the contract:
      """json
      {
        "consumer": "Billing",
        "provider": "Orders",
        "interactions": [
          {
            "description": "an order",
            "request": { "operation": "get", "input": { "id": "o-1" } },
            "response": { "output": { "id": "o-1", "total": 12.5, "count": 2, "lines": [{ "sku": "a", "price": 1 }], "paid": true, "tag": ["x"] } },
            "matchingRules": {
              "/id": { "match": "regex", "regex": "^o-[0-9]+$" },
              "/total": { "match": "decimal" },
              "/count": { "match": "integer" },
              "/lines": { "match": "arrayMin", "min": 1 },
              "/lines/*/sku": { "match": "equality" },
              "/paid": { "match": "type" }
            }
          }
        ]
      }
      """
    And "Orders.get" replies:
      """json
      <reply>
      """
    When the contract is verified
    Then the contract is broken by:
      | operation | case     | pointer   | keyword |
      | get       | an order | <pointer> | <rule>  |

    Examples:
      | rule     | pointer        | reply |
      | regex    | /id            | { "id": "p-1", "total": 1.5, "count": 2, "lines": [{ "sku": "a", "price": 1 }], "paid": false, "tag": ["x"] } |
      | decimal  | /total         | { "id": "o-7", "total": 1, "count": 2, "lines": [{ "sku": "a", "price": 1 }], "paid": false, "tag": ["x"] } |
      | integer  | /count         | { "id": "o-7", "total": 1.5, "count": 2.5, "lines": [{ "sku": "a", "price": 1 }], "paid": false, "tag": ["x"] } |
      | arrayMin | /lines         | { "id": "o-7", "total": 1.5, "count": 2, "lines": [], "paid": false, "tag": ["x"] } |
      | type     | /lines/1/price | { "id": "o-7", "total": 1.5, "count": 2, "lines": [{ "sku": "a", "price": 9 }, { "sku": "a", "price": "9" }], "paid": false, "tag": ["x"] } |
      | equality | /lines/1/sku   | { "id": "o-7", "total": 1.5, "count": 2, "lines": [{ "sku": "a", "price": 9 }, { "sku": "b", "price": 9 }], "paid": false, "tag": ["x"] } |
      | type     | /paid          | { "id": "o-7", "total": 1.5, "count": 2, "lines": [{ "sku": "a", "price": 1 }], "paid": "no", "tag": ["x"] } |
      | equality | /tag/0         | { "id": "o-7", "total": 1.5, "count": 2, "lines": [{ "sku": "a", "price": 1 }], "paid": false, "tag": ["y"] } |
      | equality | /tag           | { "id": "o-7", "total": 1.5, "count": 2, "lines": [{ "sku": "a", "price": 1 }], "paid": false } |

  @integration-11
  Scenario: A mock that replies with more than was recorded keeps the contract
    Given a service "Orders"
    And the contract:
      """json
      {
        "consumer": "Billing",
        "provider": "Orders",
        "interactions": [
          {
            "description": "an order",
            "request": { "operation": "get", "input": { "id": "o-1" } },
            "response": { "output": { "id": "o-1", "lines": [{ "price": 1 }] } },
            "matchingRules": { "": { "match": "type" } }
          },
          {
            "description": "an order that is gone",
            "request": { "operation": "get", "input": { "id": "o-2" } },
            "response": { "error": "ORDER_UNKNOWN" }
          }
        ]
      }
      """
    And "Orders.get" answers:
      | execution | answer                                                                          |
      | 1         | reply {"id": "o-9", "lines": [{"price": 7}, {"price": 8, "vat": 1}], "more": 1} |
      | 2         | error ORDER_UNKNOWN                                                             |
    When the contract is verified
    Then the contract holds

  @integration-11
  Scenario: Unexpected failures and replies are reported
    Given a service "Orders"
    And the contract:
      """json
      {
        "consumer": "Billing",
        "provider": "Orders",
        "interactions": [
          { "description": "gone", "request": { "operation": "get", "input": {} }, "response": { "error": "ORDER_UNKNOWN" } },
          { "description": "lost", "request": { "operation": "get", "input": {} }, "response": { "error": "ORDER_UNKNOWN" } },
          { "description": "there", "request": { "operation": "get", "input": {} }, "response": { "output": {} } }
        ]
      }
      """
    And "Orders.get" answers:
      | execution | answer            |
      | 2-        | error SHOP_CLOSED |
    When the contract is verified
    Then the contract is broken by:
      | breach           | case  | code        |
      | unexpected-reply | gone  |             |
      | unexpected-error | lost  | SHOP_CLOSED |
      | unexpected-error | there | SHOP_CLOSED |

  @integration-11
  Scenario: A scenario defines how a provider state is reached
    Given a service "Orders"
    And the contract:
      """json
      {
        "consumer": "Billing",
        "provider": "Orders",
        "interactions": [
          {
            "description": "an order",
            "providerStates": [{ "name": "an order exists", "params": { "id": "o-7" } }],
            "request": { "operation": "get", "input": { "id": "o-7" } },
            "response": { "output": {} }
          }
        ]
      }
      """
    And the provider state "an order exists" takes the calls:
      | call         | input                        |
      | Orders.place | { "id": "o-1", "by": "Ada" } |
    When the contract is verified
    Then the contract holds
    And the timeline has, in order:
      | event        | caller   | call         | input                        |
      | call_started | contract | Orders.place | { "id": "o-7", "by": "Ada" } |
      | call_started | contract | Orders.get   | { "id": "o-7" }              |

  @integration-11
  Scenario: An interaction whose provider state is not reached fails before the call
    Given a service "Orders"
    And the contract:
      """json
      {
        "consumer": "Billing",
        "provider": "Orders",
        "states": { "an order exists": [{ "call": "Orders.place", "input": { "id": "o-1" } }] },
        "interactions": [
          {
            "description": "misspelt",
            "providerStates": [{ "name": "an order exist" }],
            "request": { "operation": "get", "input": {} },
            "response": { "output": {} }
          },
          {
            "description": "no such parameter",
            "providerStates": [{ "name": "an order exists", "params": { "ids": "o-2" } }],
            "request": { "operation": "get", "input": {} },
            "response": { "output": {} }
          },
          {
            "description": "not reached",
            "providerStates": [{ "name": "an order exists" }],
            "request": { "operation": "get", "input": {} },
            "response": { "output": {} }
          }
        ]
      }
      """
    And "Orders.place" fails with "SHOP_CLOSED"
    When the contract is verified
    Then the contract is broken by:
      | breach | case              | message |
      | state  | misspelt          | provider state "an order exist" does not exist: did you mean "an order exists"? |
      | state  | no such parameter | provider state "an order exists" has no parameter "ids": did you mean "id"? |
      | state  | not reached       | provider state "an order exists" was not reached: SHOP_CLOSED from Orders.place: scripted failure |
    And "Orders.get" is never executed

  @integration-11
  Scenario: The cases of a provider contract start from provider states too
    Given a service "RoleService"
      """json
      {
        "entity": { "name": "Role" },
        "operations": { "createRole": { "kind": "create" }, "getRole": { "kind": "get" } }
      }
      """
    And the contract:
      """json
      {
        "service": "RoleService",
        "version": "1",
        "states": { "a teacher": [{ "call": "RoleService.createRole", "input": { "id": "teacher", "name": "Teacher" } }] },
        "operations": [
          {
            "name": "getRole",
            "input": { "required": ["id"] },
            "output": { "required": ["id", "name"] },
            "cases": [
              { "name": "there", "providerState": "a teacher", "input": { "id": "teacher" }, "expect": { "output": { "name": "Teacher" } } }
            ]
          }
        ]
      }
      """
    When the contract is verified
    Then the contract holds

  @integration-11
  Scenario: A consumer contract without interactions is broken
    Given a service "Orders"
    And the contract:
      """json
      { "consumer": "Billing", "provider": "Orders", "interactions": [] }
      """
    When the contract is verified
    Then the contract is broken by:
      | breach | message                                     |
      | empty  | Billing recorded no interaction with Orders |

  @integration-11
  Scenario: The recorded calls to a mock are a contract for the real service
    Given a service "RoleService"
    And "RoleService.createRole" replies:
      """json
      { "id": "teacher", "version": 1 }
      """
    And "RoleService.getRole" replies:
      """json
      { "id": "teacher", "name": "Schoolmaster" }
      """
    And "RoleService.createRole" fails 1 time with "NETWORK_TIMEOUT"
    And every call is retried up to 1 time
    When "RoleService.createRole" is called with:
      """json
      { "id": "teacher", "name": "Teacher" }
      """
    And "RoleService.getRole" is called with:
      """json
      { "id": "teacher" }
      """
    And the calls to "RoleService" are recorded as a contract of "AgentService"
    And the contract is verified
    Then the contract holds
    And 2 cases are verified
    Given a service "RoleService"
      """json
      {
        "entity": { "name": "Role" },
        "operations": { "createRole": { "kind": "create" }, "getRole": { "kind": "get" } }
      }
      """
    When the contract is verified
    Then the contract is broken by:
      | breach | operation | case      | pointer | keyword  | message                                  |
      | output | getRole   | getRole 2 | /name   | equality | expected "Schoolmaster", found "Teacher" |
