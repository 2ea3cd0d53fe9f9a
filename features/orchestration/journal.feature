@needs-json-schema @needs-sqlite
Feature: Journal
  The journal outlives the orchestrator. In a file, it is there for the next process,
  however the last one ended.

  Background:
    Given the services from "agent-platform"
    And the workflow "completeAgentCreation"
    And the journal is kept in a file

  @orchestration-13
  Scenario Outline: A new process opens the file and finishes the run after a crash <point> step <step>
    Given the orchestrator crashes <point> step "<step>"
    When the workflow runs
    And the orchestrator restarts
    Then it takes <rest>
    And the workflow completes
    And "<call>" is executed <times> time
    And no effect happens twice

    Examples:
      | point  | step        | rest   | call                     | times |
      | before | createAgent | 275 ms | AgentService.createAgent | 1     |
      | during | createAgent | 275 ms | AgentService.createAgent | 2     |
      | after  | createAgent | 75 ms  | AgentService.createAgent | 1     |

  @orchestration-13
  Scenario: A new process continues compensation after a crash
    Given "FileService.createFile" fails with "EACCES"
    And the orchestrator crashes during the compensation of step "createAgent"
    When the workflow runs
    And the orchestrator restarts
    Then the workflow is rolled back
    And these compensations run in order:
      | AgentService.rollbackAgent             |
      | RoleService.rollbackRole               |
      | PersonalityService.rollbackPersonality |
    And no effect happens twice
    And no effect remains

  @orchestration-16
  Scenario: A new process refuses run ids of the last one
    When the workflow runs as "creation-7"
    And the orchestrator restarts
    And the workflow runs as "creation-7"
    Then the workflow is refused with "WORKFLOW_ALREADY_EXISTS"

  @orchestration-13
  Scenario: A new process can read the state of an ended run
    When the workflow runs as "creation-7"
    And the orchestrator restarts
    Then the state of run "creation-8" is absent
    And the state of run "creation-7" has:
      | path       | value                                                              |
      | /status    | completed                                                          |
      | /completed | ["validatePersonality", "validateRole", "createAgent", "createFile"] |
