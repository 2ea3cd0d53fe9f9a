@needs-configuration
Feature: Configurations as events
  A configuration is what its events have made of it. Its versions are those of the stream; it can be rolled back to
  any of them, and whatever it refers to exists.

  Background:
    Given the services from "agent-platform"
    And "ConfigurationService" keeps configurations:
      """json
      {
        "schema": {
          "type": "object",
          "additionalProperties": false,
          "required": ["id", "name"],
          "properties": {
            "id": { "type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$" },
            "name": { "type": "string", "minLength": 1 },
            "personalityId": { "type": "string" },
            "role": { "type": "string" },
            "extends": { "type": "string" },
            "creativity": { "type": "number", "minimum": 0, "maximum": 100 }
          }
        },
        "references": {
          "personalityId": "PersonalityService.getPersonality",
          "role": "RoleService.getCustomRole",
          "extends": "ConfigurationService.getUnifiedConfiguration"
        }
      }
      """

  Rule: Create, read, update, delete

    @configuration-8
    Scenario: A configuration is created, changed, read and deleted
      When "ConfigurationService.createUnifiedConfiguration" is called with:
        """json
        { "id": "ada", "name": "Ada", "personalityId": "creative-mentor", "role": "software-mentor", "creativity": 75 }
        """
      Then the reply is:
        """json
        { "id": "ada", "name": "Ada", "personalityId": "creative-mentor", "role": "software-mentor", "creativity": 75, "version": 1 }
        """
      And it takes 300 ms
      When "ConfigurationService.updateUnifiedConfiguration" is called with:
        """json
        { "id": "ada", "version": 1, "creativity": 85 }
        """
      Then the reply has:
        | path        | value |
        | /version    | 2     |
        | /name       | Ada   |
        | /creativity | 85    |
      When "ConfigurationService.getUnifiedConfiguration" is called with:
        """json
        { "configurationId": "ada" }
        """
      Then the reply has:
        | path        | value |
        | /version    | 2     |
        | /creativity | 85    |
      When "ConfigurationService.listUnifiedConfigurations" is called with:
        """json
        { "filter": { "creativity": 85 } }
        """
      Then the reply has:
        | path        | value |
        | /total      | 1     |
        | /items/0/id | ada   |
      When "ConfigurationService.deleteUnifiedConfiguration" is called with:
        """json
        { "id": "ada" }
        """
      Then the reply is:
        """json
        { "deleted": true, "id": "ada", "version": 3 }
        """
      And there is no configuration "ada"
      When "ConfigurationService.getUnifiedConfiguration" is called with:
        """json
        { "id": "ada" }
        """
      Then the reply is:
        """json
        null
        """
      And the timeline has, in order:
        | event           | aggregate     | aggregateId | version | events                   |
        | events_appended | Configuration | ada         | 1       | ["ConfigurationCreated"] |
        | events_appended | Configuration | ada         | 2       | ["ConfigurationUpdated"] |
        | events_appended | Configuration | ada         | 3       | ["ConfigurationDeleted"] |
      And the read model "Configurations" has nothing for "ada"

    @configuration-8
    Scenario: Configurations without an id have different ones, also if they are created at once
      When these calls are made at once:
        | call                                            | times | input           |
        | ConfigurationService.createUnifiedConfiguration | 3     | {"name": "Ada"} |
      Then 3 calls succeed
      When "ConfigurationService.listUnifiedConfigurations" is called
      Then the reply has:
        | path        | value                      |
        | /total      | 3                          |
        | /items/0/id | configuration-scenario-1   |
        | /items/1/id | configuration-scenario-2   |
        | /items/2/id | configuration-scenario-3   |

    @configuration-8
    Scenario Outline: <call> fails with <code>
      Given the configuration "ada":
        """json
        { "name": "Ada", "creativity": 75 }
        """
      When "ConfigurationService.<call>" is called with:
        """json
        <input>
        """
      Then the call fails with "<code>"
      And the failure has:
        | path       | value                |
        | /field     | <field>              |
        | /message   | <message>            |
        | /service   | ConfigurationService |
        | /operation | <call>               |
      And the configuration "ada" has:
        | path     | value |
        | /version | 1     |

      Examples:
        | call                       | input                                        | code                         | field         | message                                                                                                          |
        | createUnifiedConfiguration | {"id": "ada", "name": "Ada"}                 | CONFIGURATION_ALREADY_EXISTS | id            | configuration "ada" exists already                                                                               |
        | createUnifiedConfiguration | {"id": "lin"}                                | VALIDATION_FAILED            | /name         | is required                                                                                                      |
        | createUnifiedConfiguration | {"id": 5, "name": "Lin"}                     | VALIDATION_FAILED            | id            | expected a non-empty string, found 5                                                                             |
        | createUnifiedConfiguration | []                                           | VALIDATION_FAILED            |               | expected an object, found a list                                                                                 |
        | createUnifiedConfiguration | {"id": "lin", "name": "Lin", "role": 1}      | VALIDATION_FAILED            | /role         | 2 faults: /role: 1 is not of type "string"; role: expected an id, found 1                                        |
        | updateUnifiedConfiguration | {"id": "ada", "creativity": 101}             | VALIDATION_FAILED            | /creativity   | 101 is greater than the maximum of 100                                                                           |
        | updateUnifiedConfiguration | {"id": "ada", "creativty": 5}                | VALIDATION_FAILED            | /creativty    | "creativty" is not known here: did you mean "creativity"?                                                        |
        | updateUnifiedConfiguration | {"id": "ada", "version": "1"}                | VALIDATION_FAILED            | version       | expected a non-negative integer, found a string                                                                  |
        | updateUnifiedConfiguration | {"creativity": 5}                            | VALIDATION_FAILED            | id            | an id is required                                                                                                |
        | updateUnifiedConfiguration | {"id": "adda", "creativity": 5}              | CONFIGURATION_NOT_FOUND      | id            | configuration "adda" does not exist: did you mean "ada"?                                                         |
        | deleteUnifiedConfiguration | {"id": "adda"}                               | CONFIGURATION_NOT_FOUND      | id            | configuration "adda" does not exist: did you mean "ada"?                                                         |
        | rollbackConfiguration      | {"id": "ada", "version": 7}                  | VALIDATION_FAILED            | version       | configuration "ada" has no version 7                                                                             |
        | rollbackConfiguration      | {"id": "ada"}                                | VALIDATION_FAILED            | version       | configuration "ada" has no version 0                                                                             |
        | listUnifiedConfigurations  | {"filter": "ada"}                            | VALIDATION_FAILED            | filter        | expected an object of fields, found a string                                                                     |
        | updateUnifiedConfiguration | {"id": "ada", "personalityId": "creative"}   | INVALID_REFERENCE            | personalityId | PersonalityService has no "creative"                                                                             |

    @configuration-8 @needs-sqlite
    Scenario: Configurations outlive the process
      Given the event store is kept in a file
      And the configuration "ada":
        """json
        { "name": "Ada", "creativity": 75 }
        """
      When "ConfigurationService.updateUnifiedConfiguration" is called with:
        """json
        { "id": "ada", "version": 1, "creativity": 85 }
        """
      And the event store is reopened
      And "ConfigurationService.rollbackConfiguration" is called with:
        """json
        { "id": "ada", "version": 1 }
        """
      Then the reply has:
        | path        | value |
        | /version    | 3     |
        | /creativity | 75    |

    @configuration-8
    Scenario: Configurations stay when it is declared anew how they are kept
      Given the configuration "ada":
        """json
        { "name": "Ada", "creativity": 75 }
        """
      And "ConfigurationService" keeps configurations:
        """json
        { "conflicts": "lastWriteWins" }
        """
      And the configuration "lin":
        """json
        { "version": 3, "creativity": 120 }
        """
      When "ConfigurationService.deleteUnifiedConfiguration" is called with:
        """json
        { "id": "ada" }
        """
      Given "ConfigurationService" keeps configurations
      And the configuration "ada":
        """json
        { "creativity": 85 }
        """
      Then the configuration "ada" has:
        | path        | value |
        | /version    | 3     |
        | /creativity | 85    |
      And the configuration "lin" has:
        | path     | value |
        | /version | 3     |

    @configuration-8
    Scenario: A configuration is updated by what was read of it, and what the service manages stays
      Given the configuration "ada":
        """json
        { "name": "Ada", "creativity": 75 }
        """
      When "ConfigurationService.updateUnifiedConfiguration" is called with:
        """json
        { "id": "ada", "version": 1, "lifecycle": { "stage": "archival" }, "name": "Ada Lovelace" }
        """
      Then the reply is:
        """json
        { "id": "ada", "name": "Ada Lovelace", "creativity": 75, "version": 2 }
        """

    @configuration-12
    Scenario: A configuration that cannot be stored is not created, and the create can be retried
      Given "EventStore.append" fails 1 time with "CONNECTION_RESET"
      When "ConfigurationService.createUnifiedConfiguration" is called with:
        """json
        { "id": "ada", "name": "Ada" }
        """
      Then the call fails with "CONNECTION_RESET"
      And the failure has:
        | path              | value                |
        | /service          | ConfigurationService |
        | /retryable        | true                 |
        | /causes/0/service | EventStore           |
      And there is no configuration "ada"
      When "ConfigurationService.createUnifiedConfiguration" is called with:
        """json
        { "id": "ada", "name": "Ada" }
        """
      Then the call succeeds

  Rule: References

    @configuration-8
    Scenario: All references that lead to nothing are reported together
      When "ConfigurationService.createUnifiedConfiguration" is called with:
        """json
        { "id": "ada", "name": "Ada", "personalityId": "nobody", "role": "nothing" }
        """
      Then the call fails with "INVALID_REFERENCE"
      And the failure has:
        | path            | value                                                                                            |
        | /field          | personalityId                                                                                    |
        | /message        | 2 faults: personalityId: PersonalityService has no "nobody"; role: RoleService has no "nothing" |
        | /causes/0/code  | INVALID_REFERENCE                                                                                |
        | /causes/1/field | role                                                                                             |
      And there is no configuration "ada"
      And "EventStore.append" is never executed

    @configuration-8 @configuration-12
    Scenario: A reference that cannot be checked fails the create, which can be retried
      Given "PersonalityService" is down
      When "ConfigurationService.createUnifiedConfiguration" is called with:
        """json
        { "id": "ada", "name": "Ada", "personalityId": "creative-mentor" }
        """
      Then the call fails with "SERVICE_UNAVAILABLE"
      And the failure has:
        | path                | value                |
        | /service            | ConfigurationService |
        | /retryable          | true                 |
        | /causes/0/service   | PersonalityService   |
        | /causes/0/operation | getPersonality       |
      And there is no configuration "ada"

    @configuration-8
    Scenario: A circular reference is refused, with its path
      Given the configuration "a":
        """json
        { "name": "A" }
        """
      And the configuration "b":
        """json
        { "name": "B", "extends": "a" }
        """
      And the configuration "c":
        """json
        { "name": "C", "extends": "b" }
        """
      When "ConfigurationService.updateUnifiedConfiguration" is called with:
        """json
        { "id": "a", "extends": "c" }
        """
      Then the call fails with "INVALID_REFERENCE"
      And the failure has:
        | path     | value                                      |
        | /field   | extends                                    |
        | /message | the reference is circular: a → c → b → a   |
      When "ConfigurationService.updateUnifiedConfiguration" is called with:
        """json
        { "id": "a", "extends": "a" }
        """
      Then the failure has:
        | path     | value                              |
        | /message | the reference is circular: a → a   |

    @configuration-8
    Scenario: The dependency graph names circular references that concurrent updates have made
      Given the configuration "base":
        """json
        { "name": "Base", "personalityId": "creative-mentor" }
        """
      And the configuration "a":
        """json
        { "name": "A", "extends": "base" }
        """
      And the configuration "b":
        """json
        { "name": "B", "extends": "a" }
        """
      When "ConfigurationService.getDependencyGraph" is called
      Then the reply has:
        | path                    | value                                                       |
        | /nodes/0/id             | base                                                        |
        | /nodes/0/dependencies   | [{"type": "PersonalityService", "id": "creative-mentor"}]   |
        | /nodes/0/dependents     | ["a"]                                                       |
        | /nodes/1/dependencies   | [{"type": "ConfigurationService", "id": "base"}]            |
        | /nodes/1/dependents     | ["b"]                                                       |
        | /circularReferences     | []                                                          |
        | /integrity/isValid      | true                                                        |
      Given the configuration "c":
        """json
        { "name": "C" }
        """
      And "EventStore.append" takes 10 ms
      When these calls are made at once:
        | call                                            | input                        |
        | ConfigurationService.updateUnifiedConfiguration | {"id": "base", "extends": "c"} |
        | ConfigurationService.updateUnifiedConfiguration | {"id": "c", "extends": "b"}    |
      Then 2 calls succeed
      When "ConfigurationService.getDependencyGraph" is called
      Then the reply has:
        | path                              | value                                              |
        | /circularReferences               | ["base → c → b → a → base"]                        |
        | /integrity/isValid                | false                                              |
        | /integrity/violations/0/sourceId  | base                                               |
        | /integrity/violations/0/targetId  | c                                                  |
        | /integrity/violations/0/violation | the reference is circular: base → c → b → a → base |

    @configuration-8
    Scenario: A configuration that others refer to is not deleted
      Given the configuration "base":
        """json
        { "name": "Base" }
        """
      And the configuration "one":
        """json
        { "name": "One", "extends": "base" }
        """
      And the configuration "two":
        """json
        { "name": "Two", "extends": "base" }
        """
      When "ConfigurationService.deleteUnifiedConfiguration" is called with:
        """json
        { "id": "base" }
        """
      Then the call fails with "REFERENTIAL_INTEGRITY_VIOLATION"
      And the failure has:
        | path     | value                                               |
        | /message | configuration "base" has 2 dependents: "one", "two" |

    @configuration-8
    Scenario: Validation reports what a create would, and creates nothing
      When "ConfigurationService.validateUnifiedConfiguration" is called with:
        """json
        { "id": "ada", "name": "", "personalityId": "nobody", "creativity": 120 }
        """
      Then the call fails with "VALIDATION_FAILED"
      And the failure has:
        | path            | value             |
        | /causes/0/field | /creativity       |
        | /causes/1/field | /name             |
        | /causes/2/field | personalityId     |
      When "ConfigurationService.validateUnifiedConfiguration" is called with:
        """json
        { "id": "ada", "name": "Ada", "personalityId": "creative-mentor" }
        """
      Then the reply is:
        """json
        { "isValid": true, "errors": [], "id": "ada" }
        """
      And there is no configuration "ada"

  Rule: Rollback and undo

    @configuration-8
    Scenario: A rollback restores a former version as a new one
      Given the configuration "ada":
        """json
        { "name": "Ada", "creativity": 75 }
        """
      When "ConfigurationService.updateUnifiedConfiguration" is called with:
        """json
        { "id": "ada", "creativity": 85 }
        """
      And "ConfigurationService.updateUnifiedConfiguration" is called with:
        """json
        { "id": "ada", "creativity": 95, "name": "Ada Lovelace" }
        """
      And "ConfigurationService.rollbackConfiguration" is called with:
        """json
        { "id": "ada" }
        """
      Then the reply has:
        | path        | value |
        | /version    | 4     |
        | /creativity | 85    |
        | /name       | Ada   |
      When "ConfigurationService.rollbackConfiguration" is called with:
        """json
        { "id": "ada", "version": 1 }
        """
      Then the configuration "ada" has:
        | path        | value |
        | /version    | 5     |
        | /creativity | 75    |

    @configuration-8
    Scenario: After ten updates the first version can still be restored
      Given the configuration "ada":
        """json
        { "name": "Ada", "creativity": 75 }
        """
      When these calls are made at once:
        | call                                            | times | input                             |
        | ConfigurationService.updateUnifiedConfiguration | 10    | { "id": "ada", "creativity": 85 } |
      Then the configuration "ada" has:
        | path        | value |
        | /version    | 11    |
        | /creativity | 85    |
      When "ConfigurationService.rollbackConfiguration" is called with:
        """json
        { "id": "ada", "version": 1 }
        """
      Then the configuration "ada" has:
        | path        | value |
        | /version    | 12    |
        | /creativity | 75    |

    @configuration-8 @configuration-12
    Scenario: A transaction that fails leaves the configuration as it was
      Given the configuration "ada":
        """json
        { "name": "Ada", "creativity": 75 }
        """
      And a service "Notifier"
      And "Notifier.notify" fails with "PERMANENT_ERROR"
      And the workflow:
        """json
        {
          "id": "update",
          "steps": [
            { "id": "create", "service": "ConfigurationService", "operation": "createUnifiedConfiguration",
              "input": { "id": "lin", "name": "Lin", "extends": "ada" }, "compensation": "deleteUnifiedConfiguration" },
            { "id": "update", "service": "ConfigurationService", "operation": "updateUnifiedConfiguration",
              "input": { "id": "ada", "version": 1, "creativity": 85 }, "compensation": "rollbackConfiguration" },
            { "id": "notify", "service": "Notifier", "operation": "notify" }
          ]
        }
        """
      When the workflow runs
      Then the workflow is rolled back
      And these compensations run in order:
        | ConfigurationService.rollbackConfiguration      |
        | ConfigurationService.deleteUnifiedConfiguration |
      And the configuration "ada" has:
        | path        | value |
        | /version    | 3     |
        | /creativity | 75    |
      And there is no configuration "lin"

    @configuration-12
    Scenario: An undo does not lose a later change
      Given the configuration "ada":
        """json
        { "name": "Ada", "creativity": 75 }
        """
      And a service "Notifier"
      And "Notifier.notify" takes 1 s
      And "Notifier.notify" fails with "PERMANENT_ERROR"
      And the workflow:
        """json
        {
          "id": "update",
          "steps": [
            { "id": "update", "service": "ConfigurationService", "operation": "updateUnifiedConfiguration",
              "input": { "id": "ada", "creativity": 85 }, "compensation": "rollbackConfiguration" },
            { "id": "notify", "service": "Notifier", "operation": "notify" }
          ]
        }
        """
      When the workflow starts
      And 500 ms pass
      And "ConfigurationService.updateUnifiedConfiguration" is called with:
        """json
        { "id": "ada", "name": "Ada Lovelace" }
        """
      And the workflow ends
      Then the workflow fails with "PERMANENT_ERROR"
      And the outcome has:
        | path                        | value                   |
        | /compensations/0/error/code | CONCURRENT_MODIFICATION |
      And the configuration "ada" has:
        | path        | value        |
        | /version    | 3            |
        | /name       | Ada Lovelace |
        | /creativity | 85           |

    @configuration-12
    Scenario: A service that is not idempotent updates again when a call is repeated
      Given the configuration "ada":
        """json
        { "name": "Ada", "creativity": 75 }
        """
      And "ConfigurationService.updateUnifiedConfiguration" is not idempotent
      And "ConfigurationService.updateUnifiedConfiguration" answers:
        | execution | answer   |
        | 1         | lost     |
        | 2         | ok       |
      And every call is retried up to 1 time
      And every call times out after 500 ms
      When "ConfigurationService.updateUnifiedConfiguration" is called with:
        """json
        { "id": "ada", "creativity": 85 }
        """
      Then the call succeeds
      And the configuration "ada" has:
        | path     | value |
        | /version | 3     |

    @configuration-8 @configuration-12
    Scenario: An update that is repeated after its answer was lost happens once
      Given the configuration "ada":
        """json
        { "name": "Ada", "creativity": 75 }
        """
      And "ConfigurationService.updateUnifiedConfiguration" answers:
        | execution | answer   |
        | 1         | lost     |
        | 2         | ok       |
      And every call is retried up to 1 time
      And every call times out after 500 ms
      When "ConfigurationService.updateUnifiedConfiguration" is called with:
        """json
        { "id": "ada", "version": 1, "creativity": 85 }
        """
      Then the call succeeds
      And the configuration "ada" has:
        | path     | value |
        | /version | 2     |
      And no effect happens twice
