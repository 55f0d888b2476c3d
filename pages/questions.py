"""The questions that learners ask, each with its answer and the script that computes it."""

from pages.ui.app import frame

frame.begin("pages/questions.py")

from pages.ui.views.questions import questions_page

questions_page.draw()
