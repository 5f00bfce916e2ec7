"""The gateway of the supervisor's tests."""

from fake_child import main

if __name__ == "__main__":
    main()
