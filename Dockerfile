# The app on a CPU, as a user without rights: docker build -t sbp . && docker run -p 8501:8501 -v sbp:/home/sbp sbp
# Runs and data sets are kept in the volume. On Linux torch's default package brings CUDA; with
# --build-arg PIP_EXTRA_INDEX_URL=... and PyTorch's index of CPU packages the image is several GB smaller.
FROM python:3.12-slim

ARG PIP_EXTRA_INDEX_URL=""
ENV PIP_NO_CACHE_DIR=1 PYTHONUNBUFFERED=1 SBP_RUNS=/home/sbp/runs SBP_DATA=/home/sbp/data

# The compiler makes the fast path of sampling; without it the same numbers take longer.
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/* && useradd --create-home sbp

WORKDIR /app
COPY requirements.txt ./
RUN pip install -r requirements.txt
COPY app.py ./
COPY .streamlit/config.toml ./.streamlit/
COPY assets ./assets
COPY docs ./docs
COPY pages ./pages
COPY sbp ./sbp

USER sbp
EXPOSE 8501
HEALTHCHECK --start-period=30s CMD python -c "import urllib.request as r; r.urlopen('http://127.0.0.1:8501/_stcore/health')"
CMD ["streamlit", "run", "app.py", "--server.headless", "true", "--server.address", "0.0.0.0", "--server.allowedHosts", "*"]
