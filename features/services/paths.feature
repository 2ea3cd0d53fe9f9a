Feature: Paths
  The path of a file often comes from a request. However it is written, it cannot
  lead out of the scenario's directory.

  Background:
    Given the services from "files"
    And the file "there.json" holds:
      """json
      {}
      """

  @configuration-9
  Scenario Outline: The path <path> is refused
    When "FileService.<call>" is called with:
      """json
      { "path": "<path>"<more> }
      """
    Then the call fails with "<code>"
    And the failure has:
      | path       | value |
      | /field     | path  |
      | /retryable | false |
    And the files are:
      | there.json |
    And nothing has an effect

    Examples:
      | path                   | code                   | call                  | more             |
      | ../outside.json        | PATH_OUTSIDE_DIRECTORY | createFile            | , "content": "x" |
      | a/../../outside.json   | PATH_OUTSIDE_DIRECTORY | createFile            | , "content": "x" |
      | a/../there.json        | PATH_OUTSIDE_DIRECTORY | updateFile            | , "content": "x" |
      | /outside.json          | PATH_OUTSIDE_DIRECTORY | createFile            | , "content": "x" |
      | ..\\\\outside.json     | PATH_OUTSIDE_DIRECTORY | createFile            | , "content": "x" |
      | C:\\\\outside.json     | PATH_OUTSIDE_DIRECTORY | createFile            | , "content": "x" |
      | .                      | PATH_OUTSIDE_DIRECTORY | readFile              |                  |
      | ..                     | PATH_OUTSIDE_DIRECTORY | deleteFile            |                  |
      | /etc/hosts             | PATH_OUTSIDE_DIRECTORY | exists                |                  |
      | /etc/hosts             | PATH_OUTSIDE_DIRECTORY | readFile              |                  |
      | ../there.json          | PATH_OUTSIDE_DIRECTORY | getMetadata           |                  |
      | ../there.json          | PATH_OUTSIDE_DIRECTORY | validateFileIntegrity |                  |
      | ../there.json          | PATH_OUTSIDE_DIRECTORY | restoreFile           |                  |
      |                        | INVALID_PATH           | createFile            | , "content": "x" |
      | a\\u0000b              | INVALID_PATH           | createFile            | , "content": "x" |
      | there.json.staging     | INVALID_PATH           | createFile            | , "content": "x" |
      | there.json.backup.1    | INVALID_PATH           | readFile              |                  |
      | there.json/a           | INVALID_PATH           | createFile            | , "content": "x" |
      | folder/                | INVALID_PATH           | createFile            | , "content": "x" |

  @configuration-9
  Scenario: Unusual names are accepted
    When "FileService.createFile" is called with:
      """json
      { "path": "Grüße von/.ada v1.2 (copy).json", "content": "日本" }
      """
    Then the call succeeds
    And the file "Grüße von/.ada v1.2 (copy).json" contains:
      """
      日本
      """

  @needs-sqlite @configuration-9
  Scenario: Files that no file service created are left alone
    Given the journal is kept in a file
    And the workflow:
      """json
      { "id": "w", "steps": [{ "id": "s", "service": "FileService", "operation": "exists", "input": { "path": "there.json" } }] }
      """
    When the workflow runs
    Then the workflow completes
    And the file "journal.db" exists
    And the files are:
      | there.json |
    When "FileService.exists" is called with:
      """json
      { "path": "journal.db" }
      """
    Then the reply has:
      | path    | value |
      | /exists | false |
    When "FileService.deleteFile" is called with:
      """json
      { "path": "journal.db" }
      """
    Then the call fails with "FILE_NOT_FOUND"
    When "FileService.createFile" is called with:
      """json
      { "path": "journal.db", "content": "", "overwriteExisting": true }
      """
    Then the call fails with "FILE_ALREADY_EXISTS"
    And no file is left behind
