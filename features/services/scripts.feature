Feature: Scripted answers
  Whether a retry works may depend on a service's third answer. A script sets the
  answer to each execution, so that such a case is reproducible.

  Background:
    Given a service "Search"

  Scenario: A service without a script answers immediately
    When "Search.find" is called
    Then the call succeeds
    And it takes 0 ms
    And the reply is:
      """json
      {}
      """

  Scenario: Answers are scripted by execution
    Given "Search.find" answers:
      | execution | answer                           |
      | 1         | reply {"hits": 1}                |
      | 2-3       | error RATE_LIMITED               |
      | 4         | after 200 ms reply {"hits": 4}   |
      | 5         | after 50 ms error NO_INDEX       |
    When "Search.find" is called 6 times
    Then 3 calls succeed
    And 2 calls fail with "RATE_LIMITED"
    And 1 call fails with "NO_INDEX"
    And the calls are:
      | at     | call        | execution | took   | result       |
      | 0 ms   | Search.find | 1         | 0 ms   | ok           |
      | 0 ms   | Search.find | 2         | 0 ms   | RATE_LIMITED |
      | 0 ms   | Search.find | 3         | 0 ms   | RATE_LIMITED |
      | 0 ms   | Search.find | 4         | 200 ms | ok           |
      | 200 ms | Search.find | 5         | 50 ms  | NO_INDEX     |
      | 250 ms | Search.find | 6         | 0 ms   | ok           |
    And the timeline has, in order:
      | event      | execution | reply       |
      | call_ended | 1         | {"hits": 1} |
      | call_ended | 4         | {"hits": 4} |
      | call_ended | 6         | {}          |

  Scenario: Faults for a number of executions come before those for all
    Given "Search.find" fails with "TOOL_ERROR"
    And "Search.find" fails 1 time with "RATE_LIMITED"
    And "Search.find" fails 2 times with "CONNECTION_RESET"
    When "Search.find" is called 5 times
    Then the calls are:
      | execution | result           |
      | 1         | RATE_LIMITED     |
      | 2         | CONNECTION_RESET |
      | 3         | CONNECTION_RESET |
      | 4         | TOOL_ERROR       |
      | 5         | TOOL_ERROR       |

  Scenario: A service that hangs twice answers the third time
    Given "Search.find" hangs 2 times
    And "Search.find" times out after 1 s
    And "Search.find" is retried up to 2 times
    When "Search.find" is called
    Then the call succeeds
    And it takes 2300 ms
    And "Search.find" is executed 3 times

  Scenario: A failing execution takes as long as one that succeeds
    Given "Search.find" takes 80 ms
    And "Search.find" fails 1 time with "TOOL_ERROR"
    When "Search.find" is called
    Then the call fails with "TOOL_ERROR"
    And it takes 80 ms

  Scenario: Executions are counted for each operation
    Given "Search.find" answers:
      | execution | answer           |
      | 2         | error TOOL_ERROR |
    When "Search.suggest" is called 3 times
    And "Search.find" is called
    Then the call succeeds
    When "Search.find" is called
    Then the call fails with "TOOL_ERROR"
    And "Search.suggest" is executed 3 times

  Scenario: A call is recorded with its input and its reply
    Given "Search.find" replies:
      """json
      { "hits": [{ "title": "Sagas", "score": 0.9 }] }
      """
    When "Search.find" is called with:
      """json
      { "words": ["saga"], "limit": 1 }
      """
    Then the reply has:
      | path          | value |
      | /hits/0/title | Sagas |
      | /hits/0/score | 0.90  |
      | /hits/1       |       |
    And the timeline has, in order:
      | event        | caller   | call        | input                            | reply                                          |
      | call_started | scenario | Search.find | {"limit": 1, "words": ["saga"]}  |                                                |
      | call_ended   | scenario | Search.find |                                  | {"hits": [{"title": "Sagas", "score": 0.9}]}   |

  Scenario: A fault is recorded when it happens
    Given "Search.find" takes 10 ms
    And "Search.find" fails 1 time with "TOOL_ERROR"
    When "Search.find" is called
    Then the timeline has, in order:
      | at    | event          | call        | execution | fault                                      | result     |
      | 0 ms  | call_started   | Search.find | 1         |                                            |            |
      | 0 ms  | fault_injected | Search.find | 1         | Search.find fails 1 time(s) with TOOL_ERROR |            |
      | 10 ms | call_ended     | Search.find | 1         |                                            | TOOL_ERROR |

  Scenario: A table of answers replaces earlier faults, which no longer have to happen
    Given "Search.find" answers:
      | execution | answer          |
      | 1         | error NOT_READY |
    And "Search.find" fails with "TOOL_ERROR"
    And "Search.find" fails 2 times with "RATE_LIMITED"
    And "Search.find" answers:
      | execution | answer         |
      | 2         | error NO_INDEX |
    When "Search.find" is called 3 times
    Then the calls are:
      | execution | result   |
      | 1         | ok       |
      | 2         | NO_INDEX |
      | 3         | ok       |

  Scenario: Faults declared after a table of answers come first
    Given "Search.find" answers:
      | execution | answer         |
      | 2         | error NO_INDEX |
    And "Search.find" fails 1 time with "TOOL_ERROR"
    When "Search.find" is called 3 times
    Then the calls are:
      | execution | result     |
      | 1         | TOOL_ERROR |
      | 2         | NO_INDEX   |
      | 3         | ok         |

  Scenario: The reply of a row takes precedence over the general reply
    Given "Search.find" replies:
      """json
      { "hits": 0 }
      """
    And "Search.find" answers:
      | execution | answer            |
      | 2         | reply {"hits": 2} |
    When "Search.find" is called 3 times
    Then the timeline has, in order:
      | event      | execution | reply       |
      | call_ended | 1         | {"hits": 0} |
      | call_ended | 2         | {"hits": 2} |
      | call_ended | 3         | {"hits": 0} |

  Scenario: A service that is down counts executions but uses up no faults
    Given "Search.find" fails 1 time with "TOOL_ERROR"
    And "Search.find" fails 1 time with "NO_INDEX"
    And "Search.suggest" answers:
      | execution | answer             |
      | 2         | error RATE_LIMITED |
    And "Search" is down
    When "Search.find" is called
    And "Search.suggest" is called
    And "Search" comes back
    And "Search.find" is called 2 times
    And "Search.suggest" is called
    Then the calls are:
      | call           | execution | result              |
      | Search.find    | 1         | SERVICE_UNAVAILABLE |
      | Search.suggest | 1         | SERVICE_UNAVAILABLE |
      | Search.find    | 2         | TOOL_ERROR          |
      | Search.find    | 3         | NO_INDEX            |
      | Search.suggest | 2         | RATE_LIMITED        |
