Feature: Steps of one's own
  A step by cucumber's macros stands beside those of the vocabulary.

  Scenario: A step of one's own sets the scene for one of the vocabulary
    Given a service Payments of my own
    When "Payments.charge" is called
    Then the call succeeds
