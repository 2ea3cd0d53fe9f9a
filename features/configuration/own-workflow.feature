@needs-json-schema
Feature: A library lends books
  Somebody who knows only the fixtures has added two files to them, services and a workflow, and this one. None of it is
  Rust.

  Background:
    Given the services from "library"
    And the workflow "lend"

  @configuration-1 @configuration-17
  Scenario: A book is lent
    When the workflow runs with:
      """json
      { "loan": "l-1", "book": "momo", "reader": "ada" }
      """
    Then the workflow completes
    And it takes 90 ms
    And the entity "l-1" of "Loans" has:
      | path    | value |
      | /book   | momo  |
      | /reader | ada   |
    And "Mail.send" received:
      """json
      { "to": "ada", "loan": "l-1" }
      """

  @configuration-1 @configuration-12
  Scenario: If the reader cannot be notified, the loan is undone and the book released
    Given "Mail.send" fails with "PERMANENT_ERROR"
    When the workflow runs with:
      """json
      { "loan": "l-1", "book": "momo", "reader": "ada" }
      """
    Then the workflow is rolled back
    And these compensations run in order:
      | Loans.close   |
      | Books.release |
    And "Loans" does not hold the entity "l-1"
    When "Books.reserve" is called with:
      """json
      { "id": "momo" }
      """
    Then the call succeeds

  @configuration-1 @configuration-12
  Scenario Outline: A book that <why> is not lent
    When the workflow runs with:
      """json
      { "loan": "l-1", "book": "momo", "reader": "ada" }
      """
    And the workflow runs with:
      """json
      { "loan": "l-2", "book": "<book>", "reader": "lin" }
      """
    Then the workflow is rolled back
    And the error is "<code>" from "Books.reserve"
    And "Loans" holds the entity "l-1"
    And "Loans" does not hold the entity "l-2"

    Examples:
      | why             | book | code           |
      | is lent already | momo | BOOK_RESERVED  |
      | does not exist  | emil | BOOK_NOT_FOUND |

  @configuration-1 @orchestration-20
  Scenario: What a step refers to in vain is named with what there is
    When the workflow runs with:
      """json
      { "loan": "l-1", "bok": "momo", "reader": "ada" }
      """
    Then the workflow is rolled back
    And the error is "INVALID_REFERENCE" from "Books.reserve"
    And the outcome has:
      | path           | value                                                                            |
      | /error/field   | /input/book                                                                      |
      | /error/message | the input refers to /input/book, where there is no data: did you mean "bok"?     |
