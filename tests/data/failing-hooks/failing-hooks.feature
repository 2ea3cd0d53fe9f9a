Feature: Hooks that fail

  @slow @inventory
  Scenario: After a step
    Given a service Payments of my own
    When "Payments.charge" is called

  @cleared
  Scenario: After the scenario
    Given "Emma" is in the basket

  @cleared
  Scenario: After a failure
    Given "Emma" is in the basket
    Then the basket holds "Ulysses"

  @cleared
  Scenario: After a step that never ends
    When the scenario deadlocks
