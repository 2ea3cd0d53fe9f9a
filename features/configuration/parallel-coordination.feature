@needs-json-schema
Feature: Coordinating services side by side
  What does not wait for each other is asked at once. Who does not answer is asked
  again, and at last alone.

  Background:
    Given the services from "agent-platform"
    And the workflow "parallelServiceCoordination"

  @configuration-1 @orchestration-8
  Scenario: Three concurrent checks and a configuration from their results
    When the workflow runs
    Then the workflow completes
    And it takes 450 ms
    And the calls are:
      | at     | call                                            | took   |
      | 0 ms   | PersonalityService.batchValidatePersonalities   | 200 ms |
      | 0 ms   | RoleService.batchValidateRoles                  | 180 ms |
      | 0 ms   | ModelService.validateCompatibility              | 160 ms |
      | 200 ms | ConfigurationService.createUnifiedConfiguration | 250 ms |
    And the outcome has:
      | path                                     | value          |
      | /data/validatePersonalities/results/2/id | creative-coach |
      | /data/validateRoles/isValid              | true           |
    And the timeline has none of:
      | event   |
      | warning |
      | error   |

  @configuration-1 @orchestration-8
  Scenario: A check that times out is retried
    Given "PersonalityService.batchValidatePersonalities" hangs 1 time
    When the workflow runs
    Then the workflow completes
    And it takes 1050 ms
    And "PersonalityService.batchValidatePersonalities" waits "100 ms" between executions
    And the timeline has, in order:
      | at     | event        | call                                            | result  |
      | 500 ms | call_ended   | PersonalityService.batchValidatePersonalities   | TIMEOUT |
      | 800 ms | call_ended   | PersonalityService.batchValidatePersonalities   | ok      |
      | 800 ms | call_started | ConfigurationService.createUnifiedConfiguration |         |
    And "RoleService.batchValidateRoles" is executed 1 time
    And no compensation runs

  @configuration-1 @orchestration-8
  Scenario: A check that times out again is retried alone
    Given "PersonalityService.batchValidatePersonalities" hangs 2 times
    And "RoleService.batchValidateRoles" hangs 2 times
    When the workflow runs
    Then the workflow completes
    And it takes 1730 ms
    And the calls are:
      | at      | call                                            | execution | took   | result  |
      | 0 ms    | PersonalityService.batchValidatePersonalities   | 1         | 500 ms | TIMEOUT |
      | 0 ms    | RoleService.batchValidateRoles                  | 1         | 500 ms | TIMEOUT |
      | 0 ms    | ModelService.validateCompatibility              | 1         | 160 ms | ok      |
      | 600 ms  | PersonalityService.batchValidatePersonalities   | 2         | 500 ms | TIMEOUT |
      | 600 ms  | RoleService.batchValidateRoles                  | 2         | 500 ms | TIMEOUT |
      | 1100 ms | PersonalityService.batchValidatePersonalities   | 3         | 200 ms | ok      |
      | 1300 ms | RoleService.batchValidateRoles                  | 3         | 180 ms | ok      |
      | 1480 ms | ConfigurationService.createUnifiedConfiguration | 1         | 250 ms | ok      |

  @configuration-1 @orchestration-8
  Scenario: A check that always times out fails the workflow
    Given "ModelService.validateCompatibility" hangs
    When the workflow runs
    Then the workflow is rolled back
    And the error is "TIMEOUT" from "ModelService.validateCompatibility"
    And "ModelService.validateCompatibility" is executed 4 times
    And it takes 2200 ms
    And "ConfigurationService.createUnifiedConfiguration" is never executed

  @configuration-1 @orchestration-8
  Scenario: Contradicting parts are left out
    Given "ConfigurationService.createUnifiedConfiguration" fails with "CONFIGURATION_CONFLICT"
    When the workflow runs
    Then the workflow completes
    And it takes 650 ms
    And the outcome has:
      | path                                  | value |
      | /data/createConfiguration/alternative | true  |
    And the timeline has, in order:
      | event      | call                                                  | result                 |
      | call_ended | ConfigurationService.createUnifiedConfiguration       | CONFIGURATION_CONFLICT |
      | call_ended | ConfigurationService.analyzeConflicts                 | ok                     |
      | call_ended | ConfigurationService.generateAlternativeConfiguration | ok                     |

  @configuration-1 @orchestration-8
  Scenario: An unresolved contradiction is the workflow's error
    Given "ConfigurationService.createUnifiedConfiguration" fails with "CONFIGURATION_CONFLICT"
    And "ConfigurationService.generateAlternativeConfiguration" fails with "CONFIGURATION_CONFLICT"
    When the workflow runs
    Then the workflow is rolled back
    And it takes 650 ms
    And the error is "CONFIGURATION_CONFLICT" from "ConfigurationService.createUnifiedConfiguration"
    And nothing has an effect
