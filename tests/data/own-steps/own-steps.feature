Feature: Own steps, services and hooks
  Steps written with cucumber's macros work together with those of the vocabulary.

  Scenario: An own step sets up for a step of the vocabulary
    Given a service Payments of my own
    When "Payments.charge" is called
    Then the call succeeds

  Scenario: An own service is scripted and retried like any other
    Given "Ledger.post" takes 20 ms
    And "Ledger.post" fails 1 time with "TRANSIENT_ERROR"
    And every call is retried up to 1 time
    When "Ledger.post" is called 2 times
    Then the reply has:
      | path    | value |
      | /posted | 2     |
    And it takes 160 ms
    And "Ledger.post" is executed 3 times

  Scenario: Every scenario gets new services of the suite
    When "Ledger.post" is called
    Then the reply is:
      """json
      {"posted": 1}
      """

  Scenario: Steps share their own state
    Given "Emma" is in the basket
    And "Ulysses" is in the basket
    Then the basket holds "Emma, Ulysses"

  Scenario: Scenarios do not share state
    Then the basket holds ""

  @stock @slow
  Scenario: Hooks run for scenarios with their tags, in the order they were added
    When "Stock.reserve" is called
    Then it takes 200 ms

  @stock
  Scenario: A hook does not run for scenarios without its tags
    When "Stock.reserve" is called
    Then it takes 0 ms
