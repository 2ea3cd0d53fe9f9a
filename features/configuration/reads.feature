@needs-configuration
Feature: How up to date a configuration is read
  A strong read sees every change. An eventual one sees it a little later, and a weak one whenever it comes. Who needs a
  version can say so, and is never given an older one.

  Background:
    Given the services from "agent-platform"

  @configuration-15
  Scenario: A strong read sees a change at once
    Given "ConfigurationService" keeps configurations:
      """json
      { "reads": "strong" }
      """
    And the configuration "ada":
      """json
      { "creativity": 75 }
      """
    And "Configurations.apply" takes 3 s
    When "ConfigurationService.updateUnifiedConfiguration" is called with:
      """json
      { "id": "ada", "creativity": 85 }
      """
    And "ConfigurationService.getUnifiedConfiguration" is called with:
      """json
      { "id": "ada", "version": 2 }
      """
    Then the reply has:
      | path        | value |
      | /version    | 2     |
      | /creativity | 85    |
    When "ConfigurationService.listUnifiedConfigurations" is called
    Then the reply has:
      | path                | value |
      | /items/0/creativity | 85    |

  @configuration-15
  Scenario: An eventual read sees a change later, and never one that is too old
    Given "ConfigurationService" keeps configurations:
      """json
      { "reads": "eventual", "staleness": "5s" }
      """
    And the configuration "ada":
      """json
      { "creativity": 75 }
      """
    And "Configurations.apply" takes 7 s
    When "ConfigurationService.updateUnifiedConfiguration" is called with:
      """json
      { "id": "ada", "creativity": 85 }
      """
    And "ConfigurationService.getUnifiedConfiguration" is called with:
      """json
      { "id": "ada" }
      """
    Then the reply has:
      | path        | value |
      | /version    | 1     |
      | /creativity | 75    |
    When "ConfigurationService.listUnifiedConfigurations" is called
    Then the reply has:
      | path                | value |
      | /items/0/creativity | 75    |
    When 5 s pass
    And "ConfigurationService.getUnifiedConfiguration" is called with:
      """json
      { "id": "ada" }
      """
    Then the call fails with "STALE_READ"
    And the failure has:
      | path       | value                                                                                          |
      | /field     | version                                                                                        |
      | /retryable | true                                                                                           |
      | /message   | configuration "ada" is read at version 1, which is 5 s 150 ms behind, expected 5 s at most     |
    When 2 s pass
    And "ConfigurationService.getUnifiedConfiguration" is called with:
      """json
      { "id": "ada" }
      """
    Then the reply has:
      | path        | value |
      | /version    | 2     |
      | /creativity | 85    |

  @configuration-15
  Scenario: A read that is exactly as far behind as it may be is answered
    Given "ConfigurationService" keeps configurations:
      """json
      { "reads": "eventual", "staleness": "50ms" }
      """
    And the configuration "ada":
      """json
      { "creativity": 75 }
      """
    And "Configurations.apply" takes 7 s
    When "ConfigurationService.updateUnifiedConfiguration" is called with:
      """json
      { "id": "ada", "creativity": 85 }
      """
    And "ConfigurationService.getUnifiedConfiguration" is called with:
      """json
      { "id": "ada" }
      """
    Then the call succeeds
    When "ConfigurationService.getUnifiedConfiguration" is called with:
      """json
      { "id": "ada" }
      """
    Then the call fails with "STALE_READ"

  @configuration-15
  Scenario: A weak read sees a change however late
    Given "ConfigurationService" keeps configurations:
      """json
      { "reads": "weak" }
      """
    And the configuration "ada":
      """json
      { "creativity": 75 }
      """
    And "Configurations.apply" takes 10 s
    When "ConfigurationService.updateUnifiedConfiguration" is called with:
      """json
      { "id": "ada", "creativity": 85 }
      """
    And 9 s pass
    And "ConfigurationService.getUnifiedConfiguration" is called with:
      """json
      { "id": "ada" }
      """
    Then the reply has:
      | path     | value |
      | /version | 1     |
    When 1 s passes
    And "ConfigurationService.getUnifiedConfiguration" is called with:
      """json
      { "id": "ada" }
      """
    Then the reply has:
      | path     | value |
      | /version | 2     |

  @configuration-15
  Scenario Outline: A stale <level> read is refused to who needs the new version
    Given "ConfigurationService" keeps configurations:
      """json
      { "reads": "<level>" }
      """
    And the configuration "ada":
      """json
      { "creativity": 75 }
      """
    And "Configurations.apply" takes 1 s
    When "ConfigurationService.updateUnifiedConfiguration" is called with:
      """json
      { "id": "ada", "creativity": 85 }
      """
    And "ConfigurationService.getUnifiedConfiguration" is called with:
      """json
      { "id": "ada", "version": <version> }
      """
    Then the call fails with "STALE_READ"
    And the failure has:
      | path     | value                                                                  |
      | /message | configuration "ada" is read at version <found>, expected at least <version> |

    Examples:
      | level    | version | found |
      | strong   | 3       | 2     |
      | eventual | 2       | 1     |
      | weak     | 2       | 1     |

  @configuration-15
  Scenario Outline: What is read may be <staleness> behind, and after <wait> it is read: <result>
    Given "ConfigurationService" keeps configurations:
      """json
      { "reads": "eventual", "staleness": "<staleness>" }
      """
    And "ConfigurationService.getUnifiedConfiguration" takes 0 ms
    And the configuration "ada":
      """json
      { "creativity": 75 }
      """
    And "Configurations.apply" takes 60 s
    When "ConfigurationService.updateUnifiedConfiguration" is called with:
      """json
      { "id": "ada", "creativity": 85 }
      """
    And <wait> pass
    And "ConfigurationService.getUnifiedConfiguration" is called with:
      """json
      { "id": "ada" }
      """
    Then the call <result>

    Examples:
      | staleness | wait     | result                  |
      | 500ms     | 500 ms   | succeeds                |
      | 500ms     | 501 ms   | fails with "STALE_READ" |
      | 2s        | 2000 ms  | succeeds                |
      | 2s        | 2001 ms  | fails with "STALE_READ" |
      | 10s       | 10000 ms | succeeds                |
      | 10s       | 10001 ms | fails with "STALE_READ" |
