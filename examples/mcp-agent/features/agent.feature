@wall-clock @tasks-9 @tasks-16
Feature: An agent and its tasks
  An agent works on three tasks in order and calls a service for each. It stores them with `rehearsal mcp`,
  which it starts and calls over the Model Context Protocol; both are killed in the middle of a task.

  Background:
    Given a service "Builder"
    And a service "Reports"
    And the services are served over HTTP
    And the system "agent"

  Scenario: All tasks complete
    When the system "agent" starts
    Then the system "agent" has ended with 0
    And the calls are:
      | call          | execution | result |
      | Builder.build | 1         | ok     |
      | Builder.build | 2         | ok     |
      | Builder.build | 3         | ok     |
      | Reports.send  | 1         | ok     |
    And "Reports.send" received:
      """json
      { "artifacts": { "compile": 1, "test": 1, "ship": 1 } }
      """

  Scenario Outline: Both are killed <when>, and the task completes once
    Given the system "agent" is killed <when>
    When the system "agent" starts
    And the system "agent" ends
    And the system "agent" starts
    Then the system "agent" has ended with 0
    And "Builder.build" is executed 4 times
    And these effects remain:
      | call          | key     | times |
      | Builder.build | compile | 1     |
      | Builder.build | test    | 1     |
      | Builder.build | ship    | 1     |
      | Reports.send  | report  | 1     |
    And "Reports.send" received:
      """json
      { "artifacts": { "compile": 1, "test": 1, "ship": 1 } }
      """

    Examples:
      | when                                  |
      | before execution 1 of "Builder.build" |
      | after execution 1 of "Builder.build"  |
      | before execution 2 of "Builder.build" |
      | after execution 3 of "Builder.build"  |
