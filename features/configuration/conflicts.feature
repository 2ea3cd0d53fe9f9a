@needs-configuration
Feature: Concurrent updates of a configuration
  Three operations read version 5 and change it without knowing of each other. What becomes of the second and
  the third is up to the configurations: they are refused, or applied field by field.

  Background:
    Given the services from "agent-platform"

  @configuration-6
  Scenario: The last write wins, field by field
    Given "ConfigurationService" keeps configurations:
      """json
      { "conflicts": "lastWriteWins" }
      """
    And the configuration "mentor":
      """json
      { "version": 5, "analyticalDepth": 80, "creativity": 60 }
      """
    And "ConfigurationService.updateUnifiedConfiguration" answers:
      | execution | answer          |
      | 1         | after 50 ms ok  |
      | 2         | after 200 ms ok |
      | 3         | after 250 ms ok |
    When these calls are made:
      | after  | call                                            | input                                                                                          |
      | 100 ms | ConfigurationService.updateUnifiedConfiguration | {"id": "mentor", "version": 5, "operation": "op-001", "analyticalDepth": 85, "patience": 75}   |
      | 150 ms | ConfigurationService.updateUnifiedConfiguration | {"id": "mentor", "version": 5, "operation": "op-002", "creativity": 70, "analyticalDepth": 90} |
      | 300 ms | ConfigurationService.updateUnifiedConfiguration | {"id": "mentor", "version": 5, "operation": "op-003", "creativity": 65, "formality": 80}       |
    Then 3 calls succeed
    And it takes 550 ms
    And the configuration "mentor" has:
      | path             | value |
      | /version         | 8     |
      | /analyticalDepth | 90    |
      | /creativity      | 65    |
      | /patience        | 75    |
      | /formality       | 80    |
    And the log of conflicts is:
      | configuration | conflictType                  | field           | conflictingValues                                                            | resolution    | winningValue | winningOperation |
      | mentor        | concurrent_field_modification | analyticalDepth | [{"operation": "op-001", "value": 85}, {"operation": "op-002", "value": 90}] | lastWriteWins | 90           | op-002           |
      | mentor        | concurrent_field_modification | creativity      | [{"operation": "op-002", "value": 70}, {"operation": "op-003", "value": 65}] | lastWriteWins | 65           | op-003           |
    And the timeline has, in order:
      | at     | event             | field           |
      | 350 ms | conflict_resolved | analyticalDepth |
      | 550 ms | conflict_resolved | creativity      |

  @configuration-6
  Scenario: The first write wins, and the losers are told the current version
    Given "ConfigurationService" keeps configurations:
      """json
      { "conflicts": "firstWriteWins" }
      """
    And the configuration "mentor":
      """json
      { "version": 5, "analyticalDepth": 80, "creativity": 60 }
      """
    And "ConfigurationService.updateUnifiedConfiguration" answers:
      | execution | answer          |
      | 1         | after 50 ms ok  |
      | 2         | after 200 ms ok |
      | 3         | after 250 ms ok |
    When these calls are made:
      | after  | call                                            | input                                                                                          |
      | 100 ms | ConfigurationService.updateUnifiedConfiguration | {"id": "mentor", "version": 5, "operation": "op-001", "analyticalDepth": 85, "patience": 75}   |
      | 150 ms | ConfigurationService.updateUnifiedConfiguration | {"id": "mentor", "version": 5, "operation": "op-002", "creativity": 70, "analyticalDepth": 90} |
      | 300 ms | ConfigurationService.updateUnifiedConfiguration | {"id": "mentor", "version": 5, "operation": "op-003", "creativity": 65, "formality": 80}       |
    Then 1 call succeeds
    And 2 calls fail with "CONCURRENT_MODIFICATION"
    And the failure has:
      | path     | value                                                                              |
      | /field   | version                                                                            |
      | /message | configuration "mentor" is at version 6, not 5: op-003 conflicts with op-001        |
    And the configuration "mentor" has:
      | path             | value |
      | /version         | 6     |
      | /analyticalDepth | 85    |
      | /creativity      | 60    |
      | /patience        | 75    |
      | /formality       |       |
    And the log of conflicts is:
      | configuration | operation | reason                          | fields                            | version |
      | mentor        | op-002    | conflict_with_earlier_operation | ["creativity", "analyticalDepth"] | 6       |
      | mentor        | op-003    | conflict_with_earlier_operation | ["creativity", "formality"]       | 6       |
    And "EventStore.append" is executed 6 times

  @configuration-6
  Scenario: Fields are merged by their rules, and no update is lost
    Given "ConfigurationService" keeps configurations:
      """json
      { "conflicts": { "merge": { "analyticalDepth": "maximum", "creativity": "average" } } }
      """
    And the configuration "mentor":
      """json
      { "version": 5, "analyticalDepth": 80, "creativity": 60 }
      """
    And "ConfigurationService.updateUnifiedConfiguration" answers:
      | execution | answer          |
      | 1         | after 50 ms ok  |
      | 2         | after 200 ms ok |
      | 3         | after 250 ms ok |
    When these calls are made:
      | after  | call                                            | input                                                                                          |
      | 100 ms | ConfigurationService.updateUnifiedConfiguration | {"id": "mentor", "version": 5, "operation": "op-001", "analyticalDepth": 85, "patience": 75}   |
      | 150 ms | ConfigurationService.updateUnifiedConfiguration | {"id": "mentor", "version": 5, "operation": "op-002", "creativity": 70, "analyticalDepth": 90} |
      | 300 ms | ConfigurationService.updateUnifiedConfiguration | {"id": "mentor", "version": 5, "operation": "op-003", "creativity": 65, "formality": 80}       |
    Then 3 calls succeed
    And the configuration "mentor" has:
      | path             | value |
      | /version         | 8     |
      | /analyticalDepth | 90    |
      | /creativity      | 65    |
      | /patience        | 75    |
      | /formality       | 80    |
    And the log of conflicts is:
      | field           | resolution | winningValue | winningOperation |
      | analyticalDepth | maximum    | 90           | op-002           |
      | creativity      | average    | 65           |                  |
    And the reply has:
      | path                      | value |
      | /version                  | 8     |
      | /conflicts/0/field        | creativity |
      | /conflicts/0/winningValue | 65    |

  @configuration-6
  Scenario Outline: Of <one> and <two>, which follow 60, the rule "<rule>" makes <value>
    Given "ConfigurationService" keeps configurations:
      """json
      { "conflicts": { "merge": { "depth": "<rule>" } } }
      """
    And the configuration "mentor":
      """json
      { "depth": 60 }
      """
    When these calls are made at once:
      | call                                            | input                                          |
      | ConfigurationService.updateUnifiedConfiguration | {"id": "mentor", "version": 1, "depth": <one>} |
      | ConfigurationService.updateUnifiedConfiguration | {"id": "mentor", "version": 1, "depth": <two>} |
    Then 2 calls succeed
    And the configuration "mentor" has:
      | path   | value   |
      | /depth | <value> |

    Examples:
      | rule         | one  | two | value |
      | firstNonNull | null | 3   | 3     |
      | firstNonNull | 1    | 3   | 1     |
      | last         | 1    | 3   | 3     |
      | maximum      | 3    | 1   | 3     |
      | average      | 1    | 3   | 21.333333333333332 |

  @configuration-6
  Scenario: A rule for numbers refuses anything else, and names the field
    Given "ConfigurationService" keeps configurations:
      """json
      { "conflicts": { "merge": { "depth": "maximum" } } }
      """
    And the configuration "mentor":
      """json
      { "depth": 60 }
      """
    When these calls are made at once:
      | call                                            | input                                            |
      | ConfigurationService.updateUnifiedConfiguration | {"id": "mentor", "version": 1, "depth": 61}      |
      | ConfigurationService.updateUnifiedConfiguration | {"id": "mentor", "version": 1, "depth": "deep"}  |
    Then 1 call fails with "VALIDATION_FAILED"
    And the failure has:
      | path     | value                                                            |
      | /field   | /depth                                                           |
      | /message | at /depth: the rule "maximum" needs numbers, found "deep"        |
    And the configuration "mentor" has:
      | path     | value |
      | /version | 2     |
      | /depth   | 61    |

  @configuration-6
  Scenario Outline: An update that is based on <base> conflicts, whatever the policy
    Given "ConfigurationService" keeps configurations:
      """json
      { "conflicts": "lastWriteWins" }
      """
    And the configuration "mentor":
      """json
      { "version": 2, "depth": 60 }
      """
    When "ConfigurationService.deleteUnifiedConfiguration" is called with:
      """json
      { "id": "mentor" }
      """
    And "ConfigurationService.createUnifiedConfiguration" is called with:
      """json
      { "id": "mentor", "depth": 10 }
      """
    And "ConfigurationService.updateUnifiedConfiguration" is called with:
      """json
      { "id": "mentor", "version": <version>, "depth": 61 }
      """
    Then the call fails with "CONCURRENT_MODIFICATION"
    And the failure has:
      | path     | value     |
      | /message | <message> |

    Examples:
      | base                        | version | message                                                                                    |
      | a version that never was    | 9       | configuration "mentor" is at version 4, not 9                                              |
      | one that was deleted since  | 2       | configuration "mentor" is at version 4, not 2: scenario/3 conflicts with its deletion      |
      | the deletion                | 3       | configuration "mentor" is at version 4, not 3                                              |
      | nothing                     | 0       | configuration "mentor" is at version 4, not 0                                              |

  @configuration-6
  Scenario: Two updates that give a field the same value do not conflict
    Given "ConfigurationService" keeps configurations:
      """json
      { "conflicts": "lastWriteWins" }
      """
    And the configuration "mentor":
      """json
      { "depth": 60 }
      """
    When these calls are made at once:
      | call                                            | input                                                     |
      | ConfigurationService.updateUnifiedConfiguration | {"id": "mentor", "version": 1, "depth": 61, "humor": 1}   |
      | ConfigurationService.updateUnifiedConfiguration | {"id": "mentor", "version": 1, "depth": 61, "empathy": 2} |
    Then 2 calls succeed
    And the configuration "mentor" has:
      | path     | value |
      | /version | 3     |
      | /depth   | 61    |
      | /humor   | 1     |
      | /empathy | 2     |
    And the timeline has none of:
      | event             |
      | conflict_resolved |
      | update_rejected   |

  @configuration-6
  Scenario Outline: Twenty concurrent updates that are appended in turn, under <policy>
    Given "ConfigurationService" keeps configurations:
      """json
      { "conflicts": "<policy>" }
      """
    And the configuration "mentor":
      """json
      { "depth": 60 }
      """
    And "EventStore.append" takes 10 ms
    When these calls are made at once:
      | call                                            | times | input                                                   |
      | ConfigurationService.updateUnifiedConfiguration | 10    | {"id": "mentor", "version": 1, "depth": 61}             |
      | ConfigurationService.updateUnifiedConfiguration | 9     | {"id": "mentor", "version": 1, "depth": 62}             |
      | ConfigurationService.updateUnifiedConfiguration | 1     | {"id": "mentor", "version": 1, "humor": 5}              |
    Then <succeed> calls succeed
    And <fail> calls fail with "CONCURRENT_MODIFICATION"
    And the configuration "mentor" has:
      | path     | value     |
      | /version | <version> |
      | /depth   | <depth>   |
      | /humor   | <humor>   |

    Examples:
      | policy         | succeed  | fail     | version | depth | humor |
      | lastWriteWins  | 20       | 0        | 21      | 62    | 5     |
      | firstWriteWins | 1        | 19       | 2       | 61    |       |

  @configuration-6
  Scenario: The values of a secret are hidden in the log
    Given "ConfigurationService" keeps configurations:
      """json
      { "conflicts": "lastWriteWins" }
      """
    And the configuration "mentor":
      """json
      { "apiKey": "first" }
      """
    When these calls are made at once:
      | call                                            | input                                               |
      | ConfigurationService.updateUnifiedConfiguration | {"id": "mentor", "version": 1, "apiKey": "second"}  |
      | ConfigurationService.updateUnifiedConfiguration | {"id": "mentor", "version": 1, "apiKey": "third"}   |
    Then 2 calls succeed
    And the timeline has, in order:
      | event             | field  | winningValue |
      | conflict_resolved | apiKey | [redacted]   |
    And no secret is visible
