"""Where a lab can live on this machine: the kinds, how one is started, how it ends, and which one it will be.

``launch.py`` starts the launcher from a thread that never ends, ``config.py`` says what the lab sees and may,
``choice.py`` tries the kinds in order, ``doctor.py`` tries each step and names the cause and the cure.
"""
