from flask import Flask, request, url_for

app = Flask(__name__)


@app.get("/")
def index():
    return {"page": url_for("hello", name="Ada")}


@app.get("/hello/<name>")
def hello(name):
    return f"Hello {name}, from Flask\n"


@app.post("/echo")
def echo():
    return {"form": request.form.to_dict(), "json": request.get_json(silent=True)}
