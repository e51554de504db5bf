"""python -m clarity_desktop [photo …] or python -m clarity_desktop COMMAND …"""

from clarity_desktop.cli import run_and_exit

if __name__ == "__main__":
    run_and_exit()
