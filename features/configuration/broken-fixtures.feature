Feature: Broken fixtures
  Whoever writes services and workflows as data learns at once of everything that
  is wrong with a file, and where.

  @configuration-17 @needs-json-schema
  Scenario: All faults of a file of workflows are reported together
    When the workflows are loaded:
      """json
      {
        "services": "agent-platform",
        "workflows": [
          { "id": "withoutSteps", "totalExpectedDuration": "1s" },
          {
            "id": "untimed",
            "onFailure": "compensat",
            "steps": [
              { "id": "check", "service": "PersonalitService", "operation": "validatePersonalityConfiguration" },
              { "id": "check", "service": "RoleService", "operation": "validateRole" }
            ]
          },
          {
            "id": "mistyped",
            "totalExpectedDuration": 525,
            "steps": [
              { "id": "check", "service": "RoleService", "operation": "validateRoleCapabilities", "optional": "yes", "timeuot": "1s" },
              { "service": "AgentService" }
            ]
          }
        ]
      }
      """
    Then the fixture has these faults:
      | pointer                            | message                                                     |
      | /workflows/0/steps                 | is required                                                 |
      | /workflows/1/totalExpectedDuration | is required                                                 |
      | /workflows/1/onFailure             | "compensat" is not one of "compensate"                      |
      | /workflows/2/totalExpectedDuration | 525 is not of type "string"                                 |
      | /workflows/2/steps/0/optional      | "yes" is not of type "boolean"                              |
      | /workflows/2/steps/0/timeuot       | "timeuot" is not known here: did you mean "timeout"?        |
      | /workflows/2/steps/1/id            | is required                                                 |
      | /workflows/2/steps/1/operation     | is required                                                 |

  @configuration-17 @needs-json-schema
  Scenario: Unknown names are reported with the nearest, beside missing fields
    When the workflows are loaded:
      """json
      {
        "services": "agent-platform",
        "workflows": [
          {
            "id": "creation",
            "steps": [
              { "id": "check", "service": "PersonalitService", "operation": "validatePersonalityConfiguration" },
              { "id": "check", "service": "RoleService", "operation": "validateRoleCapability" },
              { "id": "create", "service": "AgentService", "operation": "createAgent", "dependencies": ["chekc"],
                "compensation": "deletAgent" },
              { "id": "settle", "workflow": "completAgentCreation" }
            ]
          },
          {
            "id": "update",
            "totalExpectedDuration": "1s",
            "steps": [
              { "id": "one", "service": "RoleService", "operation": "reserveRole", "dependencies": ["two"] },
              { "id": "two", "service": "RoleService", "operation": "reserveRole", "dependencies": ["one"] }
            ]
          }
        ]
      }
      """
    Then the fixture has these faults:
      | pointer                                | message                                                  |
      | /workflows/0/totalExpectedDuration     | is required                                              |
      | /workflows/0/steps/0/service           | did you mean "PersonalityService"?                       |
      | /workflows/0/steps/1/id                | is taken                                                 |
      | /workflows/0/steps/1/operation         | did you mean "validateRoleCapabilities"?                 |
      | /workflows/0/steps/2/dependencies/0    | did you mean "check"?                                    |
      | /workflows/0/steps/2/compensation      | did you mean "deleteAgent"?                              |
      | /workflows/0/steps/3/workflow          | did you mean "completeAgentCreation"?                    |
      | /workflows/1/steps/0/dependencies      | one → two → one                                          |

  @configuration-17 @needs-json-schema
  Scenario: A file of workflows without services is checked without them
    When the workflows are loaded:
      """json
      {
        "workflows": [
          { "id": "order", "totalExpectedDuration": "1s",
            "steps": [ { "id": "pay", "service": "Payments", "operation": "charge" } ] }
        ]
      }
      """
    Then the fixture is sound

  @configuration-17 @needs-json-schema
  Scenario: A file that names unknown services is faulty
    When the workflows are loaded:
      """json
      {
        "services": "agent-platfrom",
        "workflows": [
          { "id": "order", "totalExpectedDuration": "1s",
            "steps": [ { "id": "pay", "service": "Payments", "operation": "charge" } ] }
        ]
      }
      """
    Then the fixture has these faults:
      | pointer   | message                        |
      | /services | did you mean "agent-platform"? |

  @configuration-17 @needs-json-schema
  Scenario: All faults of a file of services are reported together
    When the services are loaded:
      """json
      {
        "services": [
          { "name": "AgentService",
            "codes": { "not a code": {} },
            "operations": { "createAgent": { "kind": "creat", "latncy": "200ms" }, "getAgent": { "latency": 50 } } },
          { "operations": [] }
        ]
      }
      """
    Then the fixture has these faults:
      | pointer                                   | message                      |
      | /services/0/codes                         | not a code                   |
      | /services/0/operations/createAgent/kind   | "creat" is not one of        |
      | /services/0/operations/createAgent/latncy | did you mean "latency"?      |
      | /services/0/operations/getAgent/latency   | 50 is not of type "string"   |
      | /services/1/name                          | is required                  |
      | /services/1/operations                    | is not of type "object"      |

  @configuration-17
  Scenario: Faults beyond the schema are reported where the schema finds none
    When the services are loaded:
      """json
      {
        "services": [
          { "name": "Stock", "operations": { "hold": { "latency": "5 parsecs" } } }
        ]
      }
      """
    Then the fixture has these faults:
      | pointer                             | message |
      | /services/0/operations/hold/latency | parsecs |

  @configuration-17 @control-7 @needs-json-schema
  Scenario: A negative cost and parts of a token are faults of an operation
    When the services are loaded:
      """json
      {
        "services": [
          { "name": "Writer",
            "operations": {
              "draft": { "cost": 0, "tokens": 0 },
              "print": { "costs": 1, "tokens": -1 },
              "revise": { "cost": -0.5, "tokens": 2.5 }
            } }
        ]
      }
      """
    Then the fixture has these faults:
      | pointer                              | message                            |
      | /services/0/operations/print/costs   | did you mean "cost"?               |
      | /services/0/operations/print/tokens  | -1 is less than the minimum of 0   |
      | /services/0/operations/revise/cost   | -0.5 is less than the minimum of 0 |
      | /services/0/operations/revise/tokens | 2.5 is not of type "integer"       |
