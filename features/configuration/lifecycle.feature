@needs-configuration
Feature: The life of a configuration
  A configuration is created, used, deprecated and archived, in this order. Each step has its guards, and whoever misses one
  is told which.

  Background:
    Given the services from "agent-platform"
    And "ConfigurationService" keeps configurations:
      """json
      {
        "references": {
          "personalityId": "PersonalityService.getPersonality",
          "extends": "ConfigurationService.getUnifiedConfiguration"
        },
        "complete": ["name", "personalityId"]
      }
      """

  @configuration-13
  Scenario: From creation to archival
    When "ConfigurationService.createUnifiedConfiguration" is called with:
      """json
      { "id": "ada", "name": "Ada", "personalityId": "creative-mentor" }
      """
    And "ConfigurationService.activateConfiguration" is called with:
      """json
      { "id": "ada" }
      """
    Then the reply has:
      | path             | value        |
      | /version         | 2            |
      | /lifecycle/stage | active_usage |
    When "ConfigurationService.markAsDeprecated" is called with:
      """json
      { "id": "ada", "migrationPath": "lin", "sunsetDate": "2025-01-02T00:00:00Z" }
      """
    Then the configuration "ada" has:
      | path                     | value                |
      | /version                 | 3                    |
      | /lifecycle/stage         | deprecation          |
      | /lifecycle/migrationPath | lin                  |
      | /lifecycle/sunsetDate    | 2025-01-02T00:00:00Z |
    When 1 d passes
    And "ConfigurationService.archiveConfiguration" is called with:
      """json
      { "id": "ada" }
      """
    Then the configuration "ada" has:
      | path             | value    |
      | /version         | 4        |
      | /lifecycle/stage | archival |
      | /name            | Ada      |

  @configuration-13
  Scenario: An update and a rollback leave the stage as it is
    Given the configuration "ada":
      """json
      { "name": "Ada", "personalityId": "creative-mentor" }
      """
    When "ConfigurationService.activateConfiguration" is called with:
      """json
      { "id": "ada" }
      """
    And "ConfigurationService.updateUnifiedConfiguration" is called with:
      """json
      { "id": "ada", "name": "Ada Lovelace" }
      """
    And "ConfigurationService.rollbackConfiguration" is called with:
      """json
      { "id": "ada", "version": 1 }
      """
    Then the configuration "ada" has:
      | path             | value        |
      | /version         | 4            |
      | /name            | Ada          |
      | /lifecycle/stage | active_usage |

  @configuration-13
  Scenario: An undo takes a configuration back to its former stage
    Given the configuration "ada":
      """json
      { "name": "Ada", "personalityId": "creative-mentor" }
      """
    And a service "Notifier"
    And "Notifier.notify" fails with "PERMANENT_ERROR"
    And the workflow:
      """json
      {
        "id": "activation",
        "steps": [
          { "id": "activate", "service": "ConfigurationService", "operation": "activateConfiguration",
            "input": { "id": "ada" }, "compensation": "rollbackConfiguration" },
          { "id": "notify", "service": "Notifier", "operation": "notify" }
        ]
      }
      """
    When the workflow runs
    Then the workflow is rolled back
    And the configuration "ada" has:
      | path       | value |
      | /version   | 3     |
      | /lifecycle |       |

  @configuration-13
  Scenario Outline: The guard <guard> refuses <call>
    Given the configuration "base":
      """json
      { "name": "Base", "personalityId": "creative-mentor" }
      """
    And the configuration "ada":
      """json
      <configuration>
      """
    When "ConfigurationService.<before>" is called with:
      """json
      { "id": "ada" }
      """
    And "ConfigurationService.<call>" is called with:
      """json
      <input>
      """
    Then the call fails with "GUARD_NOT_MET"
    And the failure has:
      | path     | value                                |
      | /field   | <guard>                              |
      | /message | <guard> does not hold: <why>         |
      | /causes  |                                      |
    And the configuration "ada" has:
      | path             | value   |
      | /lifecycle/stage | <stage> |

    Examples:
      | guard                  | before                  | call                  | configuration                                         | input                                                                  | stage        | why                                    |
      | configuration_complete | getUnifiedConfiguration | activateConfiguration | {"name": "", "personalityId": "creative-mentor"}      | {"id": "ada"}                                                          |              | it has no "name"                       |
      | migration_path_defined | activateConfiguration   | markAsDeprecated      | {"name": "Ada", "personalityId": "creative-mentor"}   | {"id": "ada", "sunsetDate": "2025-01-02T00:00:00Z"}                    | active_usage | it has no "migrationPath"              |
      | sunset_date_valid      | activateConfiguration   | markAsDeprecated      | {"name": "Ada", "personalityId": "creative-mentor"}   | {"id": "ada", "migrationPath": "lin"}                                  | active_usage | it has no "sunsetDate"                 |
      | sunset_date_valid      | activateConfiguration   | markAsDeprecated      | {"name": "Ada", "personalityId": "creative-mentor"}   | {"id": "ada", "migrationPath": "lin", "sunsetDate": "tomorrow"}        | active_usage | "tomorrow" is not a valid timestamp    |
      | sunset_date_valid      | activateConfiguration   | markAsDeprecated      | {"name": "Ada", "personalityId": "creative-mentor"}   | {"id": "ada", "migrationPath": "lin", "sunsetDate": "2024-12-31T00:00:00Z"} | active_usage | 2024-12-31T00:00:00Z is in the past |

  @configuration-13
  Scenario: A reference that leads to nothing any longer keeps a configuration from becoming active
    Given a service "Themes"
      """json
      {
        "entity": { "name": "Theme", "existing": [{ "id": "dark" }] },
        "operations": { "get": { "kind": "get" }, "remove": { "kind": "delete" } }
      }
      """
    And "ConfigurationService" keeps configurations:
      """json
      { "references": { "theme": "Themes.get" } }
      """
    And the configuration "ada":
      """json
      { "theme": "dark" }
      """
    When "Themes.remove" is called with:
      """json
      { "id": "dark" }
      """
    And "ConfigurationService.activateConfiguration" is called with:
      """json
      { "id": "ada" }
      """
    Then the call fails with "GUARD_NOT_MET"
    And the failure has:
      | path     | value                                                               |
      | /field   | all_references_valid                                                |
      | /message | all_references_valid does not hold: theme: Themes has no "dark"     |

  @configuration-13
  Scenario: All guards that do not hold are named together
    Given the configuration "ada":
      """json
      { "name": "Ada", "personalityId": "creative-mentor" }
      """
    And the configuration "lin":
      """json
      { "name": "Lin", "extends": "ada" }
      """
    When "ConfigurationService.activateConfiguration" is called with:
      """json
      { "id": "ada" }
      """
    And "ConfigurationService.markAsDeprecated" is called with:
      """json
      { "id": "ada" }
      """
    Then the failure has:
      | path            | value                  |
      | /causes/0/field | migration_path_defined |
      | /causes/1/field | sunset_date_valid      |
    When "ConfigurationService.markAsDeprecated" is called with:
      """json
      { "id": "ada", "migrationPath": "lin", "sunsetDate": "2025-01-02T00:00:00Z" }
      """
    And "ConfigurationService.archiveConfiguration" is called with:
      """json
      { "id": "ada" }
      """
    Then the call fails with "GUARD_NOT_MET"
    And the failure has:
      | path              | value                                                                                  |
      | /causes/0/field   | deprecation_period_expired                                                             |
      | /causes/0/message | deprecation_period_expired does not hold: it may be used until 2025-01-02T00:00:00Z    |
      | /causes/1/field   | no_active_usage                                                                        |
      | /causes/1/message | no_active_usage does not hold: configuration "ada" has 1 dependent: "lin"              |

  @configuration-13
  Scenario Outline: <call> is refused after <before>, which leads elsewhere
    Given the configuration "ada":
      """json
      { "name": "Ada", "personalityId": "creative-mentor" }
      """
    When "ConfigurationService.<before>" is called with:
      """json
      { "id": "ada" }
      """
    And "ConfigurationService.<call>" is called with:
      """json
      { "id": "<id>", "migrationPath": "lin", "sunsetDate": "2025-01-02T00:00:00Z" }
      """
    Then the call fails with "<code>"
    And the failure has:
      | path     | value     |
      | /field   | <field>   |
      | /message | <message> |

    Examples:
      | before                  | call                  | id  | code                    | field | message                                                       |
      | getUnifiedConfiguration | markAsDeprecated      | ada | ILLEGAL_TRANSITION      | stage | a configuration does not go from creation to deprecation      |
      | getUnifiedConfiguration | archiveConfiguration  | ada | ILLEGAL_TRANSITION      | stage | a configuration does not go from creation to archival         |
      | activateConfiguration   | activateConfiguration | ada | ILLEGAL_TRANSITION      | stage | a configuration does not go from active_usage to active_usage |
      | activateConfiguration   | archiveConfiguration  | ada | ILLEGAL_TRANSITION      | stage | a configuration does not go from active_usage to archival     |
      | activateConfiguration   | markAsDeprecated      | ida | CONFIGURATION_NOT_FOUND | id    | configuration "ida" does not exist: did you mean "ada"?       |
