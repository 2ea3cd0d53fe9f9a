@needs-json-schema
Feature: Entities
  A service that keeps entities is defined by a few lines of JSON: a schema, references and
  operations. Versions, referential integrity and reservations are built in.

  Background:
    Given a service "PersonalityService"
      """json
      {
        "entity": {
          "name": "Personality",
          "schema": {
            "type": "object",
            "required": ["id", "name", "traits"],
            "properties": {
              "id": { "type": "string", "pattern": "^[a-z0-9-]+$" },
              "name": { "type": "string", "minLength": 1, "maxLength": 100 },
              "traits": {
                "type": "object",
                "properties": {
                  "openness": { "type": "number", "minimum": 0, "maximum": 100 },
                  "patience": { "type": "number", "minimum": 0, "maximum": 100 }
                },
                "additionalProperties": false
              }
            },
            "additionalProperties": false
          },
          "existing": [
            { "id": "creative-mentor", "name": "Creative Mentor", "traits": { "openness": 85 } },
            { "id": "creative-menace", "name": "Wild Muse", "traits": { "openness": 99 } },
            { "id": "strict-auditor", "name": "Strict Auditor", "traits": { "openness": 20 }, "version": 4 }
          ]
        },
        "operations": {
          "createPersonality": { "kind": "create", "latency": "100 ms" },
          "getPersonality": { "kind": "get", "latency": "20 ms" },
          "updatePersonality": { "kind": "update", "latency": "150 ms" },
          "deletePersonality": { "kind": "delete", "latency": "50 ms" },
          "listPersonalities": { "kind": "list" },
          "validatePersonality": { "kind": "validate", "latency": "150 ms", "reply": { "compatibilityScore": 0.95 } },
          "batchValidatePersonalities": { "kind": "batchValidate" },
          "rollbackPersonality": { "kind": "restore", "latency": "50 ms" },
          "suggestAlternativePersonalities": { "kind": "suggest", "latency": "100 ms" }
        }
      }
      """
    And a service "RoleService"
      """json
      {
        "entity": { "name": "CustomRole", "existing": [{ "id": "teacher", "name": "Teacher" }] },
        "operations": { "deleteCustomRole": { "kind": "delete" } }
      }
      """
    And a service "AgentService"
      """json
      {
        "entity": {
          "name": "Agent",
          "references": { "personalityId": "PersonalityService", "role": "RoleService", "/team/members": "AgentService" },
          "existing": [{ "id": "ada", "name": "Ada", "personalityId": "creative-mentor", "role": "teacher" }]
        },
        "operations": {
          "createAgent": { "kind": "create", "latency": "200 ms", "reply": { "configurationHash": "hash-1", "version": "never" } },
          "validateAgent": { "kind": "validate" },
          "updateAgent": { "kind": "update" },
          "syncAgent": { "kind": "update", "sets": { "syncStatus": "synchronized" }, "latency": "180 ms" },
          "deleteAgent": { "kind": "delete" },
          "listAgents": { "kind": "list" }
        }
      }
      """

  @configuration-1
  Scenario: An entity is created
    When "AgentService.createAgent" is called with:
      """json
      { "name": "Grace H.", "personalityId": "creative-mentor", "role": "teacher" }
      """
    Then it takes 200 ms
    And the reply is:
      """json
      {
        "id": "grace-h",
        "name": "Grace H.",
        "personalityId": "creative-mentor",
        "role": "teacher",
        "version": 1,
        "createdAt": "2025-01-01T00:00:00.2Z",
        "updatedAt": "2025-01-01T00:00:00.2Z",
        "configurationHash": "hash-1"
      }
      """
    And "AgentService" holds the entity "grace-h"

  @configuration-12
  Scenario: A generated id follows from the name and is unique
    When "AgentService.createAgent" is called with:
      """json
      { "name": "Ada" }
      """
    Then the reply has:
      | path | value |
      | /id  | ada-2 |
    When "AgentService.createAgent" is called with:
      """json
      { "name": "Ada" }
      """
    Then the reply has:
      | path | value |
      | /id  | ada-3 |
    When "AgentService.createAgent" is called 3 times at once
    Then "AgentService" holds the entity "agent-1"
    And "AgentService" holds the entity "agent-2"
    And "AgentService" holds the entity "agent-3"

  @configuration-1
  Scenario: A create with an existing id is refused
    When "AgentService.createAgent" is called with:
      """json
      { "id": "ada", "name": "Another Ada" }
      """
    Then the call fails with "AGENT_ALREADY_EXISTS"
    And the failure has:
      | path       | value                      |
      | /field     | id                         |
      | /message   | Agent "ada" exists already |
      | /mode      | agent_state                |
      | /service   | AgentService               |
      | /operation | createAgent                |
    And nothing has an effect
    And the entity "ada" of "AgentService" has:
      | path  | value |
      | /name | Ada   |

  @configuration-1
  Scenario: An invalid entity is refused with all its faults
    When "PersonalityService.createPersonality" is called with:
      """json
      { "id": "Loud", "traits": { "openness": 101, "patiense": 5 } }
      """
    Then the call fails with "VALIDATION_FAILED"
    And the failure has:
      | path              | value                                                                                                    |
      | /field            | /id                                                                                                      |
      | /causes/0/field   | /id                                                                                                      |
      | /causes/0/message | "Loud" does not match "^[a-z0-9-]+$"                                                                     |
      | /causes/1/field   | /name                                                                                                    |
      | /causes/1/message | is required                                                                                              |
      | /causes/2/field   | /traits/openness                                                                                         |
      | /causes/2/message | 101 is greater than the maximum of 100                                                                   |
      | /causes/3/field   | /traits/patiense                                                                                         |
      | /causes/3/message | "patiense" is not known here: did you mean "patience"?                                                  |
      | /causes/3/code    | VALIDATION_FAILED                                                                                        |
      | /causes/4         |                                                                                                          |
    And "PersonalityService" does not hold the entity "Loud"
    And nothing has an effect

  @configuration-1
  Scenario: A validation accepts what create would accept
    When "PersonalityService.validatePersonality" is called with:
      """json
      { "name": "Calm Guide", "traits": { "patience": 90 } }
      """
    Then the reply is:
      """json
      { "isValid": true, "errors": [], "compatibilityScore": 0.95 }
      """
    When "PersonalityService.validatePersonality" is called with:
      """json
      { "id": "strict-auditor" }
      """
    Then the reply has:
      | path     | value          |
      | /isValid | true           |
      | /id      | strict-auditor |
      | /version | 4              |
    When "PersonalityService.validatePersonality" is called with:
      """json
      { "name": "", "traits": {} }
      """
    Then the call fails with "VALIDATION_FAILED"
    And the failure has:
      | path     | value                           |
      | /field   | /name                           |
      | /message | "" is shorter than 1 character  |
      | /causes  |                                 |
    And nothing has an effect

  @configuration-4
  Scenario: A batch validation answers for each entity
    When "PersonalityService.batchValidatePersonalities" is called with:
      """json
      {
        "items": [
          "creative-mentor",
          { "id": "calm-guide", "name": "Calm Guide", "traits": {} },
          { "id": "loud", "name": "Loud", "traits": { "openness": -1 } },
          "nobody"
        ]
      }
      """
    Then the call succeeds
    And the reply has:
      | path                      | value                             |
      | /isValid                  | false                             |
      | /results/0                | {"isValid": true, "errors": [], "id": "creative-mentor"} |
      | /results/1/isValid        | true                              |
      | /results/2/isValid        | false                             |
      | /results/2/errors/0/field | /traits/openness                  |
      | /results/3/errors/0/code  | PERSONALITY_NOT_FOUND             |
      | /results/4                |                                   |

  @configuration-11
  Scenario: An unknown reference is refused with suggestions
    When "PersonalityService.validatePersonality" is called with:
      """json
      { "personalityId": "creative-mento" }
      """
    Then the call fails with "PERSONALITY_NOT_FOUND"
    And it takes 150 ms
    And the failure has:
      | path     | value                                                                                |
      | /field   | personalityId                                                                        |
      | /message | Personality "creative-mento" does not exist: did you mean "creative-mentor"?         |
    When "PersonalityService.suggestAlternativePersonalities" is called with:
      """json
      { "personalityId": "creative-mento", "similarityThreshold": 0.8, "max": 3 }
      """
    Then the reply is:
      """json
      {
        "suggestions": [
          { "id": "creative-mentor", "name": "Creative Mentor", "similarity": 0.99 },
          { "id": "creative-menace", "name": "Wild Muse", "similarity": 0.93 }
        ]
      }
      """
    When "PersonalityService.suggestAlternativePersonalities" is called with:
      """json
      { "name": "Wild Mouse", "similarityThreshold": 0.5, "max": 1 }
      """
    Then the reply has:
      | path              | value           |
      | /suggestions/0/id | creative-menace |
      | /suggestions/1    |                 |
    When "PersonalityService.suggestAlternativePersonalities" is called with:
      """json
      { "id": "creative-mentor" }
      """
    Then the reply has:
      | path              | value           |
      | /suggestions/0/id | creative-menace |

  @configuration-8
  Scenario: Two dangling references are reported together
    When "AgentService.createAgent" is called with:
      """json
      { "name": "Grace", "personalityId": "creative-mentos", "role": "juggler" }
      """
    Then the call fails with "INVALID_REFERENCE"
    And the failure has:
      | path              | value                                                                             |
      | /field            | personalityId                                                                     |
      | /mode             | agent_validation                                                                  |
      | /causes/0/code    | INVALID_REFERENCE                                                                 |
      | /causes/0/field   | personalityId                                                                     |
      | /causes/0/message | Personality "creative-mentos" does not exist: did you mean "creative-mentor"?     |
      | /causes/1/code    | INVALID_REFERENCE                                                                 |
      | /causes/1/field   | role                                                                              |
      | /causes/1/message | CustomRole "juggler" does not exist: there are: "teacher"                         |
      | /causes/2         |                                                                                   |
    And nothing has an effect

  @configuration-8
  Scenario: A reference to an unknown service is refused
    Given a service "TeamService"
      """json
      {
        "entity": { "name": "Team", "references": { "lead": "AgentServise" } },
        "operations": { "createTeam": { "kind": "create" } }
      }
      """
    When "TeamService.createTeam" is called with:
      """json
      { "name": "Tutors", "lead": "ada" }
      """
    Then the call fails with "SERVICE_NOT_FOUND"
    And the failure has:
      | path     | value                                                                             |
      | /field   | lead                                                                              |
      | /message | entity service "AgentServise" does not exist: did you mean "AgentService"?        |

  @configuration-8
  Scenario: A list of references is checked at a JSON pointer
    When "AgentService.updateAgent" is called with:
      """json
      { "id": "ada", "team": { "members": ["ada", "bob"] } }
      """
    Then the call fails with "INVALID_REFERENCE"
    And the failure has:
      | path     | value                                          |
      | /field   | /team/members                                  |
      | /message | Agent "bob" does not exist: there are: "ada"   |

  @configuration-8
  Scenario: An entity that others depend on is not deleted
    Given "AgentService" has the entity "grace":
      """json
      { "name": "Grace", "personalityId": "creative-mentor" }
      """
    When "PersonalityService.deletePersonality" is called with:
      """json
      { "id": "creative-mentor" }
      """
    Then the call fails with "REFERENTIAL_INTEGRITY_VIOLATION"
    And the failure has:
      | path     | value                                                                            |
      | /field   | id                                                                               |
      | /message | Personality "creative-mentor" has 2 dependents: Agent "ada", Agent "grace"       |
    And "PersonalityService" holds the entity "creative-mentor"
    When "AgentService.updateAgent" is called with:
      """json
      { "id": "ada", "personalityId": "strict-auditor" }
      """
    And "AgentService.deleteAgent" is called with:
      """json
      { "id": "grace" }
      """
    And "PersonalityService.deletePersonality" is called with:
      """json
      { "id": "creative-mentor" }
      """
    Then the reply is:
      """json
      { "deleted": true, "id": "creative-mentor", "version": 1 }
      """
    And "PersonalityService" does not hold the entity "creative-mentor"

  @configuration-1
  Scenario: A get of an unknown entity returns null, other operations fail
    When "PersonalityService.getPersonality" is called with:
      """json
      { "id": "nobody" }
      """
    Then the reply is:
      """json
      null
      """
    When "PersonalityService.getPersonality" is called with:
      """json
      { "id": "strict-auditor" }
      """
    Then the reply has:
      | path     | value          |
      | /name    | Strict Auditor |
      | /version | 4              |
    When "PersonalityService.updatePersonality" is called with:
      """json
      { "id": "nobody", "name": "Nobody" }
      """
    Then the call fails with "PERSONALITY_NOT_FOUND"
    And the failure has:
      | path   | value |
      | /field | id    |
    When "PersonalityService.deletePersonality" is called with:
      """json
      { "id": "nobody" }
      """
    Then the call fails with "PERSONALITY_NOT_FOUND"

  @configuration-2
  Scenario: An update replaces fields and raises the version
    When "PersonalityService.updatePersonality" is called with:
      """json
      { "id": "strict-auditor", "version": 4, "traits": { "patience": 70 } }
      """
    Then the reply is:
      """json
      {
        "id": "strict-auditor",
        "name": "Strict Auditor",
        "traits": { "patience": 70 },
        "version": 5,
        "createdAt": "2025-01-01T00:00:00Z",
        "updatedAt": "2025-01-01T00:00:00.15Z"
      }
      """

  @configuration-2
  Scenario: An update sets the fields that its operation names
    When "AgentService.syncAgent" is called with:
      """json
      { "id": "ada", "configurationHash": "hash-2" }
      """
    Then the reply has:
      | path               | value                     |
      | /syncStatus        | synchronized              |
      | /configurationHash | hash-2                    |
      | /version           | 2                         |
      | /updatedAt         | 2025-01-01T00:00:00.18Z   |

  @configuration-6
  Scenario: An update of an old version fails with the current one
    When "PersonalityService.updatePersonality" is called with:
      """json
      { "id": "strict-auditor", "expectedVersion": 3, "name": "Auditor" }
      """
    Then the call fails with "CONCURRENT_MODIFICATION"
    And the failure has:
      | path     | value                                                     |
      | /field   | version                                                   |
      | /message | Personality "strict-auditor" is at version 4, not 3       |
    And the entity "strict-auditor" of "PersonalityService" has:
      | path     | value          |
      | /name    | Strict Auditor |
      | /version | 4              |

  @configuration-3
  Scenario: A former version is restored as a new one
    When "PersonalityService.updatePersonality" is called with:
      """json
      { "id": "creative-mentor", "name": "Mentor Two" }
      """
    And "PersonalityService.updatePersonality" is called with:
      """json
      { "id": "creative-mentor", "name": "Mentor Three" }
      """
    And "PersonalityService.rollbackPersonality" is called with:
      """json
      { "id": "creative-mentor" }
      """
    Then the reply has:
      | path     | value      |
      | /name    | Mentor Two |
      | /version | 4          |
    When "PersonalityService.rollbackPersonality" is called with:
      """json
      { "id": "creative-mentor", "version": 1 }
      """
    Then the reply has:
      | path     | value           |
      | /name    | Creative Mentor |
      | /version | 5               |
    When "PersonalityService.rollbackPersonality" is called with:
      """json
      { "id": "strict-auditor" }
      """
    Then the call fails with "VALIDATION_FAILED"
    And the failure has:
      | path     | value                                                     |
      | /field   | version                                                   |
      | /message | Personality "strict-auditor" has no version before 4      |

  @configuration-1
  Scenario: Entities are listed, with and without a filter
    Given "AgentService" has the entity "grace":
      """json
      { "name": "Grace", "role": "teacher", "isActive": true }
      """
    When "AgentService.listAgents" is called
    Then the reply has:
      | path        | value |
      | /total      | 2     |
      | /items/0/id | ada   |
      | /items/1/id | grace |
    When "AgentService.listAgents" is called with:
      """json
      { "filter": { "role": "teacher", "isActive": true } }
      """
    Then the reply has:
      | path        | value |
      | /total      | 1     |
      | /items/0/id | grace |
    And nothing has an effect

  @configuration-1
  Scenario Outline: <call> with <input> names the field at fault
    When "<call>" is called with:
      """json
      <input>
      """
    Then the call fails with "VALIDATION_FAILED"
    And the failure has:
      | path     | value     |
      | /field   | <field>   |
      | /message | <message> |

    Examples:
      | call                                               | input                                     | field               | message                                            |
      | PersonalityService.getPersonality                  | {}                                        | id                  | an id is required                                  |
      | PersonalityService.getPersonality                  | { "id": 5 }                               | id                  | expected a non-empty string, found 5               |
      | PersonalityService.getPersonality                  | ["strict-auditor"]                        |                     | expected an object, found a list                   |
      | PersonalityService.updatePersonality               | { "id": "strict-auditor", "version": "4" } | version             | expected a non-negative integer, found a string    |
      | PersonalityService.batchValidatePersonalities      | {}                                        | items               | expected a list of entities or ids, found null     |
      | PersonalityService.suggestAlternativePersonalities | { "name": "x", "similarityThreshold": 2 } | similarityThreshold | expected a number from 0 to 1, found 2             |
      | AgentService.listAgents                            | { "filter": "ada" }                       | filter              | expected an object of fields, found a string       |

  @configuration-1
  Scenario: Failure codes derived from the entity's name can be scripted
    Given "AgentService.createAgent" answers:
      | execution | answer                     |
      | 1         | error AGENT_ALREADY_EXISTS |
      | 2         | error AGENT_RESERVED       |
      | 3         | error AGENT_NOT_FOUND      |
    When "AgentService.createAgent" is called 3 times
    Then 1 call fails with "AGENT_ALREADY_EXISTS"
    And 1 call fails with "AGENT_RESERVED"
    And 1 call fails with "AGENT_NOT_FOUND"
    And nothing has an effect
